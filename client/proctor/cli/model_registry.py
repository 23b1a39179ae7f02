"""`proctor models`: find what was entered as models, look at one, cite it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli import (
    model_analytics,
    model_comparison,
    model_files,
    model_licenses,
    model_reviews,
)
from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument, require_folder
from proctor.cli.output import Format, emit, fitting, number, say

if TYPE_CHECKING:
    from proctor.spec.registry import Facet, Filter, ModelScore, ModelSummary, ModelView

registry = typer.Typer(
    no_args_is_help=True, help="Find models of every challenge; show, cite, take and review them."
)

_SPARED = ("versions", "modality", "framework", "license", "task")


def list_models(
    search: Annotated[
        list[str] | None, typer.Argument(help="Words that its card holds, all of them.")
    ] = None,
    task: Annotated[str, typer.Option("--task", help="segmentation, detection, ...")] = "",
    modality: Annotated[str, typer.Option("--modality", help="volume, image, table, ...")] = "",
    framework: Annotated[str, typer.Option("--framework", help="Such as onnx.")] = "",
    license_: Annotated[str, typer.Option("--license", help="As its card writes it.")] = "",
    challenge: Annotated[str, typer.Option("--challenge", help="Entered in this one.")] = "",
    column: Annotated[
        str | None, typer.Option("--column", help="The score meant: task/metric/label.")
    ] = None,
    at_least: Annotated[
        float | None, typer.Option("--at-least", help="No score of --challenge below this.")
    ] = None,
    at_most: Annotated[
        float | None, typer.Option("--at-most", help="No score of --challenge above this.")
    ] = None,
    order: Annotated[str, typer.Option("--order", help="newest, title or score.")] = "newest",
    versions: Annotated[bool, typer.Option("--versions", help="Every version has a line.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 50,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List public models; scores can be asked for within one challenge."""
    from proctor.spec.registry import Filter, ModelOrder

    given = {
        Filter.TASK: task,
        Filter.MODALITY: modality,
        Filter.FRAMEWORK: framework,
        Filter.LICENSE: license_,
        Filter.CHALLENGE: challenge,
    }
    if order not in list(ModelOrder):
        raise CommandError(
            f"There is no order {order!r}.", f"Give {', '.join(ModelOrder)}.", Exit.USAGE
        )
    with connect(host) as client:
        found = client.models(
            " ".join(search or ()),
            {which: value for which, value in given.items() if value},
            column=column,
            at_least=at_least,
            at_most=at_most,
            order=ModelOrder(order),
            versions=versions,
            limit=limit,
        )
    rows = [_line(model) for model in found.items]
    shown = fitting(rows, _SPARED) if style is Format.TABLE else rows
    emit(shown, style, document=found.model_dump(mode="json"))
    if style is Format.TABLE and found.items:
        say(f"{len(found.items)} of {found.total} models. {_spread(found.facets)}".rstrip())


def show(
    model_id: ModelIdArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """Show a model: what is known of it, what was measured beside what is claimed, its versions."""
    with connect(host) as client:
        view = client.model(model_id)
    if style is not Format.TABLE:
        emit(_facts(view), style, document=view.model_dump(mode="json"))
        return
    _introduce(view)
    emit(_facts(view), style)
    if view.scores:
        emit([_score(score) for score in view.scores], style, title="Scores")
    if len(view.versions) > 1:
        emit(version_rows(view), style, title="Versions")
    for relative in view.relatives:
        shared = f"{relative.shared_files} of {relative.files} files are the same"
        said = f"{relative.title} by {relative.participant}"
        say(f"{relative.kinship.value} {said} ({relative.id}); {shared}.")
    for what, command in view.commands.items():
        say(f"To {what} it: {command}")


def versions(
    model_id: ModelIdArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """List the versions of a model, the newest first."""
    with connect(host) as client:
        view = client.model(model_id)
    document = [one.model_dump(mode="json") for one in view.versions]
    emit(version_rows(view), style, document=document)


def cite(
    model_id: ModelIdArgument,
    form: Annotated[str, typer.Option("--as", help="cff, datacite or bibtex.")] = "bibtex",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file.", dir_okay=False)
    ] = None,
    host: HostOption = None,
) -> None:
    """Print how to cite a model."""
    from proctor.spec.registry import CitationFormat

    if form not in list(CitationFormat):
        raise CommandError(
            f"There is no form {form!r}.", f"Give {', '.join(CitationFormat)}.", Exit.USAGE
        )
    require_folder(out)
    with connect(host) as client:
        text = client.citation(model_id, CitationFormat(form))
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    say(f"Written to {out}.")


def version_rows(view: ModelView) -> list[dict[str, object]]:
    """Return a line a version; the one that is shown is marked."""
    return [
        {
            "entry": f"{one.number}{' *' if one.id == view.id else ''}",
            "version": one.version,
            "submission": one.id,
            "phase": one.phase,
            "rank": one.rank,
            "state": one.publication.value,
            "submitted": f"{one.submitted_at:%Y-%m-%d %H:%M}",
            "digest": one.content_digest[:19],
            "notes": one.notes.partition("\n")[0][:60],
        }
        for one in view.versions
    ]


def _line(model: ModelSummary) -> dict[str, object]:
    return {
        "id": model.id,
        "model": model.title,
        "version": model.version,
        "participant": model.participant + (" (baseline)" if model.baseline else ""),
        "challenge": model.challenge,
        "rank": model.rank,
        "score": f"{number(model.score)} {model.score_title}".strip(),
        "task": ", ".join(model.tasks),
        "modality": ", ".join(model.modalities),
        "framework": ", ".join(model.frameworks),
        "license": model.license,
        "versions": model.versions,
    }


def _spread(facets: dict[Filter, tuple[Facet, ...]]) -> str:
    """Say how the models spread over what they may be filtered by."""
    parts = []
    for which, values in facets.items():
        if len(values) > 1:
            shown = ", ".join(f"{one.value} {one.count}" for one in values[:6])
            parts.append(f"{which.value}: {shown}")
    return ". ".join(parts) + ("." if parts else "")


def _introduce(view: ModelView) -> None:
    say(f"{view.title} by {view.participant}, entry {view.number}, in {view.challenge_title}")
    if view.page:
        say(view.page)
    if view.tombstone is not None:
        gone = view.tombstone
        say(f"Withdrawn on {gone.withdrawn_at:%Y-%m-%d} by {gone.by}. {gone.reason}".rstrip())
    elif view.publication.value != "public":
        say(f"Not public: {view.publication.value}.")
    board = view.board
    if board is not None and board.rank is not None:
        when = "" if board.newest else f" on board {board.number}, which is not the newest"
        say(f"Rank {board.rank} of {board.ranked}{when}.")
    say(f"Its page is {view.completeness_percent} % complete.")


def _facts(view: ModelView) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for element in view.elements:
        if not element.facts:
            hint = f"state {element.fields[0]}" if element.fields else ""
            rows.append(_fact_row(element.title, "", hint, "missing"))
        for fact in element.facts:
            text = " ".join(fact.text.split())
            shown = f"{text[:99]}…" if len(text) > 100 else text
            basis = f"{fact.basis.value}{', differs' if fact.differs else ''}"
            rows.append(_fact_row(element.title, fact.name, shown, basis))
    return rows


def _fact_row(element: str, fact: str, what: str, basis: str) -> dict[str, object]:
    return {"element": element, "fact": fact, "what": what, "basis": basis}


def _score(score: ModelScore) -> dict[str, object]:
    value, claim = score.measured, score.claim
    interval = "" if value.low is None else f" [{number(value.low, 3)}, {number(value.high, 3)}]"
    return {
        "score": f"{score.title}{'*' if score.decides else ''}",
        "task": score.task,
        "measured": f"{number(value.value)}{interval}",
        "claimed": "–" if claim is None else number(claim.score),
        "gap": "–" if claim is None else number(claim.gap),
        "flag": "" if claim is None or claim.flag is None else claim.flag.value,
    }


registry.command("list")(list_models)
registry.command("show")(show)
registry.command("versions")(versions)
registry.command("diff")(model_comparison.diff)
registry.command("similar")(model_comparison.similar)
registry.command("layers")(model_comparison.layers)
registry.command("licenses")(model_licenses.licenses)
registry.command("analytics")(model_analytics.analytics)
registry.command("cite")(cite)
registry.command("files")(model_files.files)
registry.command("download")(model_files.download)
registry.command("fork")(model_files.fork)
registry.command("run")(model_files.run)
registry.command("reviews")(model_reviews.reviews)
registry.command("review")(model_reviews.review)
registry.command("withdraw")(model_reviews.withdraw)
registry.command("doi")(model_reviews.doi)
