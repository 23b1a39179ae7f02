"""The pages: one to try the model, one that lists the calls. All they need comes from here.

What a model's card says is escaped; the only script is a file of ours, and the browser is told to
run no other.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..formats import FORMATS, TYPES
from . import openapi
from .failures import RefusedError
from .messages import Response
from .modelhub_api import model_name, section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..card import InputRule
    from .messages import Request
    from .service import Service

_FOLDER = Path(__file__).parent / "assets"
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "try.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TEXT_SUFFIXES = {"text": ".txt", "json": ".json", "table": ".csv"}
_MOST_SAMPLES_SHOWN = 24
_SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg")


def try_page(service: Service, _request: Request) -> Response:
    """Return the page to try the model on."""
    card = service.backend.card
    facts = [str(card.document.get(name) or "") for name in ("version", "license")]
    facts += [str(section(card, "meta").get(name) or "") for name in ("task", "modality")]
    rules = list(card.inputs.values())
    samples = service.samples.names[:_MOST_SAMPLES_SHOWN]
    content = f"""
<h1>{_title(service)}</h1>
<div>{"".join(f'<span class="badge">{escape(fact)}</span>' for fact in facts if fact)}</div>
<p class="lead">{escape(str(card.document.get("description") or ""))}</p>
{_warnings(section(card, "use"))}
<nav class="links"><a href="docs">Calls</a><a href="openapi.json">openapi.json</a>
<a href="model.json">Model card</a></nav>
<div class="columns">
<form id="inputs" novalidate>
<h2>Input</h2>
{"".join(map(_input, rules)) or _undeclared()}
<div class="row"><button class="main" id="ask" type="submit">Ask the model</button></div>
{_samples(samples)}
</form>
<section><h2>Answer</h2><div id="result" aria-live="polite">
<div class="empty">Choose {"a file" if len(rules) < 2 else "the files"}{
        " or a sample" if samples else ""
    }, and ask the model.</div></div></section>
</div>
<script src="static/try.js"></script>"""
    return _page(_title(service), content)


def docs_page(service: Service, request: Request) -> Response:
    """Return the page that lists the calls."""
    found = openapi.document(service, request)
    base = request.address
    groups = []
    for tag in reversed(found["tags"]):
        calls = [
            _call(verb, path, operation, base)
            for path, operations in found["paths"].items()
            for verb, operation in operations.items()
            if operation["tags"] == [tag["name"]]
        ]
        groups.append(f"<h2>{escape(tag['description'])}</h2>{''.join(calls)}")
    forms = "".join(
        f"<details class='call'><summary><code>{escape(name)}</code></summary>"
        f"<div><pre>{escape(json.dumps(schema, indent=2))}</pre></div></details>"
        for name, schema in found["components"]["schemas"].items()
    )
    content = f"""
<h1>{_title(service)}</h1>
<p class="lead">How programs ask this model.</p>
<nav class="links"><a href="./">Try it</a><a href="openapi.json">openapi.json</a>
<a href="model.json">Model card</a></nav>
{"".join(groups)}<h2>Forms</h2>{forms}"""
    return _page(f"{_title(service)}: calls", content)


def static(_service: Service, _request: Request, name: str) -> Response:
    """Return a file of the pages.

    Raises:
        RefusedError: There is none of that name.
    """
    kind = _STATIC.get(name)
    if kind is None:
        raise RefusedError(404, "not_found", "There is no such file.")
    return Response(content=(_FOLDER / name).read_bytes(), media_type=kind)


def _page(title: str, content: str) -> Response:
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="static/icon.svg">
<link rel="stylesheet" href="static/page.css">
</head><body><main>{content}</main></body></html>"""
    return Response(
        content=text.encode("utf-8", "replace"),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _POLICY},
    )


def _title(service: Service) -> str:
    card = service.backend.card
    return escape(str(card.document.get("title") or model_name(card)))


def _input(rule: InputRule) -> str:
    taken = rule.formats or TYPES[rule.type]
    suffixes = list(dict.fromkeys(one for name in taken for one in FORMATS[name].suffixes))
    # A browser knows the last suffix of a file alone.
    accepted = ",".join(dict.fromkeys("." + one.rpartition(".")[2] for one in suffixes))
    text = _TEXT_SUFFIXES.get(rule.type)
    area = ""
    if text is not None:
        area = (
            f'<textarea aria-label="{escape(rule.name)}" data-suffix="{text}" '
            f'placeholder="Write here, or choose a file."></textarea>'
        )
    described = f"<p>{escape(rule.description)}</p>" if rule.description else ""
    return f"""<div class="box" data-input="{escape(rule.name)}">
<div class="row between"><h3>{escape(rule.name)}</h3><small>{escape(rule.type)}</small></div>
{described}{area}<label class="drop"><input type="file" accept="{escape(accepted)}">
<span class="name">Choose a file or drop it here</span></label>
<small>{escape(", ".join(suffixes))}</small>
</div>"""


def _warnings(use: Mapping[str, object]) -> str:
    """Return what the author warns of, for whoever is about to try the model."""
    warnings = use.get("warnings")
    said = [str(use.get(name) or "") for name in ("restricted", "content_warning")]
    said += map(str, warnings) if isinstance(warnings, list) else []
    lines = "".join(f"<div>{escape(text)}</div>" for text in said if text)
    return f'<div class="warned">{lines}</div>' if lines else ""


def _undeclared() -> str:
    return """<div class="box" data-input="input"><div class="row between"><h3>input</h3>
<small>any</small></div><label class="drop"><input type="file"><span class="name">Choose a file or
drop it here</span></label>
<small>The model's card does not say what it takes.</small></div>"""


def _samples(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    buttons = "".join(
        f'<button type="button" data-sample="{escape(name)}">{_thumbnail(name)}{escape(name)}'
        "</button>"
        for name in names
    )
    return f'<p class="quiet">Or take a sample:</p><div class="row">{buttons}</div>'


def _thumbnail(name: str) -> str:
    if not name.lower().endswith(_SHOWN_BY_BROWSERS):
        return ""
    return f'<img src="api/samples/{escape(quote(name))}" alt="" loading="lazy">'


def _call(verb: str, path: str, operation: dict[str, Any], base: str) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(json.dumps(one['schema']))}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    table = (
        f'<div class="scroll"><table><tr><th>parameter</th><th>in</th><th>schema</th><th></th></tr>'
        f"{parameters}</table></div>"
        if parameters
        else ""
    )
    body = operation.get("requestBody", {}).get("content", {})
    sent = (
        f"<details><summary>What is sent</summary>"
        f"<pre>{escape(json.dumps(body, indent=2))}</pre></details>"
        if body
        else ""
    )
    got = json.dumps(operation["responses"], indent=2)
    return f"""<details class="call"><summary>
<span class="verb {escape(verb)}">{verb.upper()}</span><code>{escape(path)}</code>
<span class="quiet">{escape(operation["summary"])}</span></summary>
<div><pre>{escape(_curl(verb, path, body, base))}</pre>{table}{sent}
<details><summary>What is answered</summary><pre>{escape(got)}</pre></details></div></details>"""


def _curl(verb: str, path: str, body: dict[str, Any], base: str) -> str:
    if verb == "get":
        return f"curl {base}{path}"
    form = body["multipart/form-data"]["schema"]["properties"]
    fields = " ".join(
        f"-F {name}={'@file' if 'contentMediaType' in entry else 'text'}"
        for name, entry in form.items()
    )
    return f"curl {base}{path} {fields or '-F input=@file'}"
