"""`proctor audit`: recompute the scores of a leaderboard with other people's code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.boards import board_fetcher, whole_board
from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, PhaseOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proctor.cli.audit.findings import Finding

_PAGE = 500
_SHOWN = 50


def audit(
    leaderboard: Annotated[
        str, typer.Argument(help="A leaderboard's id or address, or a challenge's slug.")
    ],
    phase: PhaseOption = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Of the best so many rows; else of all.")
    ] = None,
    cases: Annotated[
        int | None,
        typer.Option(
            "--cases",
            min=1,
            help="So many cases of each at random; else all, and the board itself.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that choice.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--challenge",
            file_okay=False,
            exists=True,
            help="The challenge's folder: references come from there, not from the platform.",
        ),
    ] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Recompute a board by MedPy, scikit-learn and SciPy; print what differs. 1 if anything does.

    Predictions and references are hidden: it takes an organizer's token until they are released.
    """
    if find_spec("medpy") is None:
        raise CommandError(
            "MedPy is not installed, against which masks are recomputed.",
            "`pip install 'proctor[audit]'` brings it. It is free software under the GNU GPL,"
            " version 3; Proctor uses it for audits alone.",
        )
    from proctor.cli.audit.board import audit_board
    from proctor.cli.audit.cases import LocalReferences, PlatformReferences
    from proctor.cli.audit.findings import Extent

    say("MedPy, which masks are recomputed by, is under the GNU GPL, version 3.")
    with connect(host) as client:
        slug = leaderboard.rstrip("/").rsplit("/", 1)[-1]
        snapshot = slug if slug.startswith("lea_") else None
        fetch = board_fetcher(client, slug, phase, snapshot)
        board = fetch(0, rows) if rows else whole_board(lambda start: fetch(start, _PAGE))
        spec = client.challenge(board.challenge, board.challenge_version).challenge
        declared = next(one for one in spec.phases if one.slug == board.phase)
        digits = declared.feedback.digits
        extent = Extent(
            cases=cases,
            seed=seed,
            whole=board.part is None and not declared.feedback.ladder,
            allowed=0.0 if digits is None else 0.5 * 10.0**-digits,
        )
        if not extent.whole:
            say("The board's own numbers are not of all cases as they are: cases are compared.")
        findings = list(
            audit_board(
                client,
                board.challenge,
                tuple(task for task in spec.tasks if task.slug in declared.tasks),
                board,
                PlatformReferences(client) if folder is None else LocalReferences(folder),
                extent,
            )
        )
    emit([finding.row() for finding in findings], style, document=_document(findings))
    _tell(findings)
    if any(finding.differences for finding in findings):
        raise SystemExit(Exit.FAILED)


def _tell(findings: Sequence[Finding]) -> None:
    lines = [
        f"{finding.challenge} {finding.metric} {one.label}, {one.submission}, {one.where}:"
        f" shown {one.shown}, {finding.library} finds {one.found!r}"
        for finding in findings
        for one in finding.differences
    ]
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"and {len(lines) - _SHOWN} more, which --format json lists")
    compared = sum(finding.values for finding in findings)
    if uncovered := [finding.metric for finding in findings if not finding.library]:
        say(f"Not recomputed: {', '.join(uncovered)}.")
    say(f"{compared} values were compared, {len(lines)} differ by more than rounding.")


def _document(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "challenge": finding.challenge,
            "metric": finding.metric,
            "library": finding.library or None,
            "reason": finding.reason,
            "values": finding.values,
            "edges": finding.edges,
            "differences": [vars(one) for one in finding.differences],
        }
        for finding in findings
    ]
