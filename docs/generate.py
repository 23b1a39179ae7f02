"""Write the reference pages and JSON schemas from ``proctor.spec`` and the registry of metrics.

``python docs/generate.py`` writes them; a test holds the committed pages against the models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from inspect import getdoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from proctor.spec.card.completeness import ALWAYS_PROVIDED, MEASURABLE, completeness
from proctor.spec.card.detected import DetectedMetadata, DetectedPackage
from proctor.spec.card.package_licenses import license_report
from proctor.spec.case import CaseFile
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import (
    EvaluationState,
    HostingState,
    RunState,
    SubmissionState,
    may_become,
)
from proctor.template.describe.packages import installed
from proctor_metrics.describe import Description, describe
from proctor_metrics.metric import Metric, number_text
from proctor_metrics.registry import metric_class, names
from proctor_runner.pairings import PAIRINGS

HERE = Path(__file__).parent

_PAGES: dict[str, tuple[str, type[BaseModel], str]] = {
    "challenge-yaml.md": (
        "challenge.yaml",
        ChallengeSpec,
        "What an organizer declares. Unknown fields are refused; `proctor challenge check` names"
        " file and field of every problem. The JSON schema is in"
        " [schema/challenge.schema.json](schema/challenge.schema.json).",
    ),
    "contract.md": (
        "The container contract, version 1",
        CaseFile,
        "Files in, files out; no port, no network. A container starts, reads the one case in"
        " `/input`, writes every declared output to `/output` and exits with 0. `/input/case.json`"
        " has the fields below; the input files lie beside it under the names that `inputs` gives."
        " `/input` and `/model` are read-only, `/output` is limited in bytes and files, `/tmp` is"
        " memory. `PROCTOR_INPUT`, `PROCTOR_OUTPUT` and `PROCTOR_MODEL` name the three folders"
        " where they lie elsewhere (the process sandbox), `PROCTOR_PROTOCOL` is `case`"
        " or `serve`, `PROCTOR_SEED` the seed.\n\n"
        "The process runs as an unprivileged user without any capability, on a read-only root"
        " file system. Case ids are random for every run. What `model.py` is given and may return"
        " is in [the engine](engine.md). A file of masks, instances or a heatmap must lie"
        " on the grid of the input that `grid` names: same shape, affine within 1e-3 mm; axis"
        " flips and permutations are undone. A table has one header line with the declared"
        " columns and one line an item; where its file is to end in `.npy` it is an array of"
        " float32 or float64 of shape (items, columns). A label list has the header `label` and"
        " one class a line, a vector the header `value` and one number a line."
        " Boxes have the columns that `columns` lists, a line each, in any order and at most"
        " `most_per_item` in an item; items are numbered from 0, a place is its lower, then its"
        " upper corner, and a line with an item alone is no box.\n\n"
        "A program that also speaks `serve` is started once and asked case by case; an image says"
        " so by the label `proctor.protocols=case,serve`, a model folder by `protocols` in its"
        ' card. With `PROCTOR_PROTOCOL=serve` it loads, prints the line `{"ready":1}` to standard'
        " output within `start_s` of the phase, and then reads lines from standard input until"
        ' they end. For `{"id":"<id>"}` it answers the case in `/input/<id>/` into'
        ' `/output/<id>/`, a folder that it makes itself, and prints `{"id":"<id>","ok":1}`, or'
        ' `{"id":"<id>","error":"<why>"}`. A line is at most 64 KiB; a line of standard output'
        " that is no such message is log, and so is standard error. Between two cases it is"
        " paused, and both folders are emptied. A wrong, early or repeated id, an overlong line, a"
        " time-out or an end costs the case that was asked, and a new start. `case` must work for"
        " the same content: up to two cases, chosen at random, are answered once more through"
        " `case`, and their decoded predictions must be the same bytes, else the run fails with"
        " PROTOCOLS_DISAGREE.\n\n"
        "With `PROCTOR_PROTOCOL=describe`, which is asked of folders and of images that start"
        " our engine or whose label names it, the program writes what the model is made of to"
        " `/output/metadata.json` ([metadata.md](metadata.md)) and exits with 0. There is no case;"
        " nothing depends on it.",
    ),
    "model-json.md": (
        "model.json",
        ModelCard,
        "The card of a model: the file `model.json` in a model folder. Only `name` is required, and"
        " `runtime` of a model folder; unknown fields are refused, each problem is told with its"
        " path. It holds all that ModelHub's `config.json` does, and `proctor model upgrade` turns"
        " the one into the other. `proctor model check` says what is missing. The JSON schema is in"
        " [schema/model.schema.json](schema/model.schema.json).\n\n"
        "What is stated here never replaces what is measured: framework, layers, parameters,"
        " hyperparameters and sizes are found out by looking at the loaded model in the sandbox"
        " ([metadata.md](metadata.md)), and scores by scoring. `resources` is what the model asks"
        " for, and all that it gets: the smaller of it and the limits of the phase.",
    ),
    "metadata.md": (
        "Measured metadata",
        DetectedMetadata,
        "What is found out about a model by looking at it, in the sandbox, without asking its"
        " author. The engine walks over the loaded model and the files of its folder and writes"
        " `/output/metadata.json`; the worker reads that with limits and adds the sizes, which it"
        " measures itself. Nothing is unpickled outside the sandbox. The program that writes the"
        " file shares a process with the model's own code, so what it says of the model is"
        " evidence, not proof; the worker's sizes are. The JSON schema is in"
        " [schema/metadata.schema.json](schema/metadata.schema.json).",
    ),
}
_SCHEMAS: dict[str, type[BaseModel]] = {
    "challenge.schema.json": ChallengeSpec,
    "case.schema.json": CaseFile,
    "model.schema.json": ModelCard,
    "metadata.schema.json": DetectedMetadata,
}


def pages() -> dict[str, str]:
    """Return every generated file: path below docs/ and text."""
    made = {name: _page(*page) for name, page in _PAGES.items()}
    made["model-json.md"] += f"\n{_elements()}"
    made["outcomes.md"] = _outcomes()
    made["metrics.md"] = _metrics()
    for name, model in _SCHEMAS.items():
        made[f"schema/{name}"] = json.dumps(model.model_json_schema(), indent=2) + "\n"
    return made


def _page(title: str, model: type[BaseModel], introduction: str) -> str:
    parts = [f"# {title}", introduction]
    for part in _reachable(model):
        parts.append(f"## {part.__name__}\n\n{getdoc(part) or ''}")
        rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
        for name, field in part.model_fields.items():
            default = "required" if field.is_required() else f"`{_default(field)}`"
            rows.append(
                f"| `{field.alias or name}` | {_type_name(field.annotation)} | {default} |"
                f" {field.description or ''} |"
            )
        parts.append("\n".join(rows))
    enums = sorted(_enums(model), key=lambda enum: enum.__name__)
    for enum in enums:
        parts.append(
            f"## {enum.__name__}\n\n{getdoc(enum) or ''}\n\n"
            + "\n".join(f"- `{member.value}`" for member in enum)
        )
    return "\n\n".join(parts) + "\n"


def _elements() -> str:
    """Return the 26 elements of information, and where a card states each."""
    bare = completeness(ModelCard(name="model"))
    rows = ["| dimension | element | stated in | else |", "|---|---|---|---|"]
    for state in bare.elements:
        fields = ", ".join(f"`{field}`" for field in state.fields)
        measured = "measured" if state.element in MEASURABLE else ""
        provided = "given by Proctor" if state.element in ALWAYS_PROVIDED else ""
        rows.append(
            f"| {state.dimension} | `{state.element}` | {fields} | {measured or provided} |"
        )
    return (
        "## Completeness\n\n"
        "How many of these 26 elements of information are there, in percent, is shown by"
        " `proctor model check` and on the page of a model. They are those of a study of model"
        " stores, in its six dimensions.\n\n" + "\n".join(rows) + "\n"
    )


def _outcomes() -> str:
    parts = [
        "# Outcomes and states",
        "Every outcome a person may meet. `owner` says whose failure it is: a participant's counts"
        " against the quota, an organizer's and the platform's never do.",
    ]
    rows = ["| code | owner | HTTP | message | what to do |", "|---|---|---|---|---|"]
    for code in Code:
        outcome = OUTCOMES[code]
        owner = "" if outcome.owner is Owner.NOBODY else outcome.owner.value
        rows.append(
            f"| `{code.value}` | {owner} | {outcome.status} | {outcome.message} | {outcome.hint} |"
        )
    parts.append("\n".join(rows))
    for states in (SubmissionState, RunState, EvaluationState, HostingState):
        lines = [f"## {states.__name__}\n\n{getdoc(states) or ''}\n"]
        for state in states:
            following = [f"`{s.value}`" for s in states if may_become(state, s)]
            lines.append(f"- `{state.value}` → {', '.join(following) or 'final'}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _metrics() -> str:
    parts = [
        "# Metrics",
        "What `name` of a metric in `challenge.yaml` may be. A metric is `per_item`, a number for"
        " every item, or `pooled`, defined on a whole set of items; `rank_then_mean` needs the"
        " former. Every score keeps a definition id that names all that can change it. Edge rules"
        " are what a board says of its column; those below hold by default. A structure is a label"
        " of a mask, or a region where the task declares regions.",
    ]
    rows = ["| name | also | kind | compares | better |", "|---|---|---|---|---|"]
    for name in names():
        metric = metric_class(name)
        also = ", ".join(f"`{alias}`" for alias in metric.aliases)
        rows.append(
            f"| [`{name}`](#{name}) | {also} | {metric.kind.value} | {_compares(metric)} |"
            f" {metric.direction.value} |"
        )
    parts.append("\n".join(rows))
    for name in names():
        metric = metric_class(name)
        text = (getdoc(metric) or "").partition(">>>")[0].strip()
        parts += [f"## {name}", text, *_described(describe(metric))]
    return "\n\n".join(parts) + "\n"


def _compares(metric: type[Metric]) -> str:
    return ", ".join(
        f"{' or '.join(f'`{output.value}`' for output in pairing.outputs)}"
        f" with `{pairing.reference.value}`"
        for pairing in PAIRINGS[metric.case_type]
    )


def _described(found: Description) -> Iterator[str]:
    if found.parameters:
        rows = ["| parameter | allowed | default |", "|---|---|---|"]
        for one in found.parameters:
            allowed = ", ".join(f"`{choice}`" for choice in one.choices) or one.allowed
            when = f"; with `{one.only_with}`" if one.only_with else ""
            default = "required" if one.default is None else f"`{one.default}`"
            rows.append(f"| `{one.name}` | {allowed}{when} | {default} |")
        yield "\n".join(rows)
    worst = ""
    if found.worst_required:
        worst = f" with `worst: {number_text(found.example.declared_worst or 0)}`"
        yield "The task must declare `worst`."
    rules = "\n".join(f"- {rule}" for rule in found.example.edge_rules)
    yield f"Edge rules{worst}:\n\n{rules}"
    yield f"Definition id: `{found.example.definition}`"


def _reachable(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for known in found:
        for field in known.model_fields.values():
            found += [part for part in _parts(field.annotation, BaseModel) if part not in found]
    return found


def _enums(model: type[BaseModel]) -> set[type[Enum]]:
    return {
        enum
        for part in _reachable(model)
        for field in part.model_fields.values()
        for enum in _parts(field.annotation, Enum)
    }


def _parts(annotation: Any, base: type) -> Iterator[Any]:
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, base):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _parts(argument, base)


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in (Union, UnionType):
        return " or ".join(
            "null" if argument is type(None) else _type_name(argument) for argument in arguments
        )
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"map of {_type_name(arguments[0])} to {_type_name(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | Enum):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}.get(
        getattr(annotation, "__name__", ""), "any JSON value"
    )


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel):
        return f"{type(value).__name__} of defaults"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return json.dumps([getattr(part, "value", part) for part in value])
    return json.dumps(value)


def third_party() -> str:
    """Return the page of what a server is built on; what is installed here tells its license.

    Versions differ with Python and the system, so no test holds it against the models.
    """
    lock = (HERE.parent / "requirements-server.lock").read_text()
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", lock, re.MULTILINE):
        versions.setdefault(name, []).append(version)
    found = {re.sub(r"[-_.]+", "-", str(one["name"])).lower(): one for one in installed()}
    report = license_report(
        DetectedPackage(
            name=name,
            version=" or ".join(sorted(known)),
            license=str(found[name]["license"]),
        )
        for name, known in versions.items()
        if name in found
    )
    rows = ["| package | version | license | standing |", "|---|---|---|---|"]
    rows += [f"| {p.name} | {p.version} | {p.license} | {p.standing} |" for p in report.packages]
    elsewhere = ", ".join(sorted(name for name in versions if name not in found))
    return (
        "# Third-party software\n\n"
        "What a server of Proctor (`requirements-server.lock`: platform, workers, dashboard) is"
        " built on, under which licenses by the packages' own metadata, in SPDX; `LicenseRef-BSD`"
        " and the like name a family where a package says no more. Nothing of it is paid for, and"
        " no service is needed beside it but Docker and Redis. Of a model, `proctor models licenses"
        " ID` and its page list what is installed in its image.\n\n"
        f"{report.words.capitalize()}.\n\n" + "\n".join(rows) + "\n\n"
        f"On other systems or versions of Python also: {elsewhere}.\n"
    )


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (HERE / "third-party.md").write_text(third_party())


if __name__ == "__main__":
    main()
