"""`proctor challenge refresh`: run what is archived on a test set that was published later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, WaitOption
from proctor.cli.output import Format, say
from proctor.cli.renewing import boards_of, emit_counts, follow, renewed, show_moves
from proctor.cli.submissions import PollOption

if TYPE_CHECKING:
    from proctor.spec.api import Refreshes

_COUNTS = ("version", "runs", "outdated", "predictions", "waiting", "failed")


def refresh(
    slug: Annotated[str, typer.Argument(help="The challenge's slug.")],
    phase: Annotated[str | None, typer.Option("--phase", help="This phase alone.")] = None,
    best: Annotated[
        bool, typer.Option("--best", help="Only what stands on the newest board.")
    ] = False,
    wait: WaitOption = False,
    poll_s: PollOption = 1.0,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Run every archived model on the newest test set; the board switches when all have ended."""
    with connect(host) as client:
        before = boards_of(client, slug, phase)
        asked = client.refresh(slug, phase, best=best)
        _tell(asked)
        if not wait:
            emit_counts(asked, _COUNTS, style)
            return
        ended = follow(lambda: client.refreshes(slug, phase), poll_s)
        after = before
        if asked.waiting and not ended.failed:
            after = renewed(client, slug, before, poll_s)
    if ended.failed:
        raise CommandError(
            f"{ended.failed} runs or scorings failed for no fault of a model. {ended.failure}",
            "Mend what it names; then `proctor challenge refresh` asks for these once more, and"
            " `proctor challenge reevaluate` for scores alone.",
            Exit.FAILED,
        )
    show_moves(before, after, style)


def _tell(asked: Refreshes) -> None:
    if asked.runs:
        runs = "run is" if asked.runs == 1 else "runs are"
        say(f"{asked.runs} {runs} queued on the newest test set; the board before stays so long.")
    else:
        say("Nothing more is to be run on the newest test set.")
    if asked.predictions:
        say(f"{asked.predictions} submissions are predictions, which nothing can run again.")
    if asked.outdated:
        say(f"{asked.outdated} submissions answer in other files than is asked; enter them again.")
