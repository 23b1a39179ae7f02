"""`proctor challenge reevaluate`: score what is archived anew, and tell which ranks that moved."""

from __future__ import annotations

from typing import Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, WaitOption
from proctor.cli.output import Format, say
from proctor.cli.renewing import boards_of, emit_counts, follow, renewed, show_moves
from proctor.cli.submissions import PollOption

_COUNTS = ("version", "evaluations", "outdated", "waiting", "failed")


def reevaluate(
    slug: Annotated[str, typer.Argument(help="The challenge's slug.")],
    phase: Annotated[str | None, typer.Option("--phase", help="This phase alone.")] = None,
    wait: WaitOption = False,
    poll_s: PollOption = 1.0,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Score archived predictions anew by the newest version; no model runs again."""
    with connect(host) as client:
        before = boards_of(client, slug, phase)
        asked = client.reevaluate(slug, phase)
        tell_queued(asked.evaluations, asked.outdated)
        if not wait:
            emit_counts(asked, _COUNTS, style)
            return
        ended = (
            follow(lambda: client.reevaluations(slug, phase), poll_s) if asked.waiting else asked
        )
        if ended.failed:
            raise CommandError(
                f"{ended.failed} scorings failed, and the board before stays. {ended.failure}",
                "Mend what it names and publish; of a failure of the platform's, ask once more.",
                Exit.FAILED,
            )
        after = renewed(client, slug, before, poll_s) if asked.waiting else before
    show_moves(before, after, style)


def tell_queued(evaluations: int, outdated: int) -> None:
    """Tell what a new version, or a request, means for what was entered before."""
    if evaluations:
        archived = "run is" if evaluations == 1 else "runs are"
        say(f"{evaluations} archived {archived} scored anew; the board before stays until then.")
    if outdated:
        stand = "submission stands" if outdated == 1 else "submissions stand"
        say(
            f"{outdated} {stand} on an older version's data: `proctor challenge refresh` runs the"
            " models that can answer the new; others must be submitted again."
        )
