"""The calls of the platform, for people: its own OpenAPI document as a page.

It has no script and no style, so the API answers it under the same headers as everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["documentation"])


@router.get("/docs", response_class=HTMLResponse)
def read_documentation(request: Request) -> HTMLResponse:
    """List every call, with its parameters and what is sent and answered."""
    app = request.app
    document: dict[str, Any] = app.openapi()
    title = escape(document["info"]["title"])
    content = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}: calls</title></head><body>
<h1>{title} {escape(document["info"]["version"])}</h1>
<p>{escape(document["info"]["description"])} A token goes into the header
<code>Authorization: Bearer …</code>. For programs:
<a href="{app.openapi_url}">{app.openapi_url}</a>.</p>
{"".join(_groups(document["paths"]))}<h2>Forms</h2>
{"".join(_json(*one) for one in document["components"]["schemas"].items())}</body></html>"""
    return HTMLResponse(content)


def _groups(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, operations in paths.items():
        for verb, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_call(verb, path, operation))
    for tag, calls in sorted(by_tag.items()):
        yield f"<h2>{escape(tag)}</h2>{''.join(calls)}"


def _call(verb: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    sent = operation.get("requestBody")
    return (
        f"<details><summary><b>{escape(verb.upper())}</b><code>{escape(path)}</code></summary>"
        f"<p>{escape(operation.get('description', operation['summary']))}</p>"
        f"{f'<table>{rows}</table>' if rows else ''}"
        f"{_json('What is sent', sent['content']) if sent else ''}"
        f"{_json('What is answered', operation['responses'])}</details>"
    )


def _json(title: str, document: object) -> str:
    return (
        f"<details><summary>{escape(title)}</summary>"
        f"<pre>{escape(json.dumps(document, indent=2))}</pre></details>"
    )
