"""`proctor challenge refresh`: run what is archived on a test set that was published later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, WaitOption
from proctor.cli.output import Format, emit, say
from proctor.cli.reevaluating import board_of, follow, renewed, show_moves
from proctor.cli.submissions import PollOption

if TYPE_CHECKING:
    from proctor.spec.api import Refreshes


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
        known = [known.slug for known in client.challenge(slug).challenge.phases]
        phases = known if phase is None else [phase]
        before = {name: board_of(client, slug, name) for name in phases}
        asked = client.refresh(slug, phase, best=best)
        _tell(asked)
        if not wait:
            _emit_counts(asked, style)
            return
        ended = follow(lambda: client.refreshes(slug, phase), poll_s)
        after = before
        if asked.waiting and not ended.failed:
            after = {name: renewed(client, slug, name, before[name], poll_s) for name in phases}
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


def _emit_counts(asked: Refreshes, style: Format) -> None:
    document = asked.model_dump(mode="json")
    names = ("version", "runs", "outdated", "predictions", "waiting", "failed")
    emit([{name: document[name] for name in names}], style, document=document)
