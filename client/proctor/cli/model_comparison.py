"""`proctor models diff|similar|layers`: what differs, what is alike, what a model is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument
from proctor.cli.output import Format, emit, number, say

if TYPE_CHECKING:
    from proctor.spec.registry.differences import ModelDifferences, ModelRef


def diff(
    model_id: ModelIdArgument,
    since: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="Else the version before.")
    ] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Tell what differs from another model, or from the version before: card, files, scores."""
    with connect(host) as client:
        found = client.model_differences(model_id, since)
    rows = _rows(found)
    if style is Format.TABLE:
        say(f"From {_name(found.before)}")
        say(f"to   {_name(found.after)}")
        if found.files is None:
            say("Its license does not let everybody hand the files on, so they are not compared.")
        else:
            say(f"Files that are the same: {found.same_files}.")
        if not rows:
            say("Nothing else differs.")
            return
    emit(rows, style, document=found.model_dump(mode="json"))


def similar(
    model_id: ModelIdArgument,
    limit: Annotated[int, typer.Option("--limit", min=1, max=50, help="At most so many.")] = 10,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List models with the same algorithm, training set or objective: two of the three."""
    with connect(host) as client:
        found = client.similar_models(model_id, limit)
    emit(
        [
            {
                "id": one.model.id,
                "model": one.model.title,
                "participant": one.model.participant,
                "challenge": one.model.challenge,
                "same": "; ".join(f"{trait.trait.value}: {trait.value}" for trait in one.same),
                "same files": one.shared_files,
            }
            for one in found
        ],
        style,
        document=[one.model_dump(mode="json") for one in found],
    )


def layers(
    model_id: ModelIdArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """List the layers of a model as they were measured; the dashboard draws them."""
    with connect(host) as client:
        main = client.model_metadata(model_id).main
    found = main.layers if main else ()
    if main is not None and style is Format.TABLE:
        known = "" if main.parameters is None else f", {main.parameters:,} parameters"
        say(f"{main.framework} {main.framework_version} {main.type}{known}")
    emit(
        [
            {
                "layer": one.name,
                "kind": one.type,
                "weights": " ".join("x".join(map(str, shape)) for shape in one.weight_shapes),
                "parameters": one.parameters,
                "reads": " ".join(one.inputs),
            }
            for one in found
        ],
        style,
        document=[one.model_dump(mode="json") for one in found],
    )


def _rows(found: ModelDifferences) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"what": what, "where": one.path, "before": one.before or "", "after": one.after or ""}
        for what, changes in (("card", found.card), ("parameter", found.parameters))
        for one in changes
    ]
    rows += [
        {
            "what": f"file {one.kind.value}",
            "where": one.path,
            "before": f"{one.before.digest[:19]} {one.before.size}" if one.before else "",
            "after": f"{one.after.digest[:19]} {one.after.size}" if one.after else "",
        }
        for one in found.files or ()
    ]
    rows += [
        {
            "what": "score",
            "where": one.key,
            "before": number(one.before.value),
            "after": number(one.after.value),
        }
        for one in found.scores
    ]
    return rows


def _name(one: ModelRef) -> str:
    return f"{one.title} {one.version} by {one.participant}, entry {one.number} ({one.id})"
