"""`proctor submit`, and what to do with a submission afterwards."""

from __future__ import annotations

import re
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect, page_address
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import (
    ChallengeOption,
    ContractOption,
    FormatOption,
    HostOption,
    PhaseOption,
    WaitOption,
    WeightsOption,
    challenge_and_model,
)
from proctor.cli.output import Format, emit, plain, say

if TYPE_CHECKING:
    from proctor.client import Blob, Client
    from proctor.spec.api import ChallengeView, Source, SubmissionCreate, SubmissionView
    from proctor.spec.challenge import ChallengeSpec
    from proctor.spec.model import ModelCard
    from proctor.spec.task import TaskSpec

SubmissionArgument = Annotated[str, typer.Argument(metavar="ID", help="sub_ and 26 characters.")]
PollOption = Annotated[
    float, typer.Option("--poll-interval", min=0.05, help="Seconds between two looks.")
]


def submit(
    challenge: Annotated[
        str, typer.Argument(help="The challenge's slug; the model with --challenge.")
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            help="A model folder, an .onnx file, a local Docker image, a `docker save` archive,"
            " docker://HOST/NAME:TAG, git+https://HOST/OWNER/REPOSITORY@COMMIT#FOLDER, a ModelHub"
            " repository, or a MedPerf container_config.yaml."
        ),
    ] = None,
    named: ChallengeOption = None,
    phase: PhaseOption = None,
    message: Annotated[str, typer.Option("--message", "-m", help="A note on it.")] = "",
    card: Annotated[
        Path | None, typer.Option("--card", help="The model.json of an image.", dir_okay=False)
    ] = None,
    license_: Annotated[
        str, typer.Option("--license", help="Where no card states it: an SPDX expression.")
    ] = "",
    weights: WeightsOption = None,
    contract: ContractOption = None,
    insecure_registry: Annotated[
        bool,
        typer.Option("--insecure-registry", help="Plain HTTP to a registry of another machine."),
    ] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Show it as a baseline (organizers).")
    ] = False,
    check_only: Annotated[
        bool,
        typer.Option("--check-only", help="Stop after the public sample; it costs no quota."),
    ] = False,
    predictions: Annotated[
        bool,
        typer.Option(
            "--predictions", help="The folder holds predictions; one with predictions.json does."
        ),
    ] = False,
    wait: WaitOption = False,
    poll_s: PollOption = 1.0,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="The same key again enters nothing twice."),
    ] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Enter a model in a challenge: prints its id and page, with --wait its scores and rank.

    A model answers the public sample first; with --check-only it answers nothing else.
    """
    from proctor.cli import watch
    from proctor.cli.contents import open_model, remark_on
    from proctor.cli.graphs import refuse_unfit
    from proctor.cli.prediction_folder import holds_predictions, read_predictions
    from proctor.cli.stated_license import licensed
    from proctor.spec.api import SubmissionCreate

    challenge, model = challenge_and_model(challenge, model, named)
    with connect(host) as client:
        asked = client.challenge(challenge)
        chosen = choose_phase(asked, phase)
        spec = asked.challenge
        given = (
            nullcontext(read_predictions(model, card, spec, spec.phase(chosen)))
            if predictions or holds_predictions(model)
            else open_model(
                model,
                card,
                say,
                weights=weights,
                limits=client.limits,
                insecure_registry=insecure_registry,
                contract=contract,
            )
        )
        with given as entry:
            refuse_unfit(Path(model), tasks_for(entry.card, spec, chosen))
            stated = licensed(entry.card, entry.content, license_)
            remark_on(entry.card, spec, spec.phase(chosen).limits)
            request = SubmissionCreate(
                challenge=challenge,
                phase=chosen,
                content=entry.content,
                card=stated,
                message=message,
                baseline=baseline,
                check_only=check_only,
                source=entry.source,
            )
            view = enter(client, request, entry.blobs, idempotency_key)
        _announce(view, client.host, style, wait)
        if wait:
            view = watch.follow(client, view.id, poll_s)
            watch.show_result(view, style, watch.tryout_cases(client, view))
            raise typer.Exit(watch.exit_of(view))


def submissions(
    challenge: Annotated[str | None, typer.Option("--challenge", help="Of this one only.")] = None,
    phase: PhaseOption = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody's, where you may see them.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List submissions, the newest first."""
    from itertools import islice

    from proctor.client.api import every

    with connect(host) as client:
        found = list(
            islice(
                every(
                    lambda start: client.submissions(
                        challenge, phase, not everybody, start, min(limit, 100)
                    )
                ),
                limit,
            )
        )
    rows = [_list_row(view, style) for view in found]
    emit(rows, style, document=[view.model_dump(mode="json") | _cases(view) for view in found])


def submission(
    submission_id: SubmissionArgument,
    cases: Annotated[bool, typer.Option("--cases", help="The table of its cases.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Its history.")] = False,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show a submission: state, reason, scores and rank; or its cases, or its history."""
    from proctor.cli import watch
    from proctor.spec.contract import Contract

    with connect(host) as client:
        if cases:
            table = client.cases(submission_id)
            document = [case.model_dump(mode="json") for case in table]
            names = sorted({name for case in table for name in case.scores})
            rows: list[dict[str, object]] = [
                {
                    "case": case.case,
                    "outcome": case.outcome.value,
                    "seconds": case.seconds,
                    **{name: case.scores.get(name) for name in names},
                    "detail": case.detail,
                }
                for case in table
            ]
            emit(rows, style, document=document)
        elif events:
            history = client.events(submission_id)
            emit(
                [
                    {
                        "at": f"{event.at:%Y-%m-%d %H:%M:%S}",
                        "event": event.name,
                        "subject": event.subject,
                        "actor": event.actor,
                    }
                    for event in history
                ],
                style,
                document=[event.model_dump(mode="json") for event in history],
            )
        else:
            view = client.submission(submission_id)
            tried = watch.tryout_cases(client, view) if view.final else ()
            if style is Format.TABLE:
                say(f"{view.id}  {view.card.title or view.card.name}  {watch.progress_line(view)}")
                say(page_address(client.host, view))
                for sentence in watch.waiting_for(view):
                    say(sentence)
                if view.source is not None:
                    say(f"From {origin(view.source)}")
                if view.contract is not Contract.NATIVE:
                    say(f"It keeps the contract {view.contract}.")
                for run in view.runs:
                    if run.seconds is not None and run.overhead_s is not None:
                        say(
                            f"{run.task}, {run.purpose.value}: {run.seconds:.3g} s in the model,"
                            f" {run.overhead_s:.3g} s around it (containers, files, decoding)."
                        )
            watch.show_result(view, style, tried)


def logs(
    submission_id: SubmissionArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it is finished.")] = False,
    run: Annotated[str | None, typer.Option("--run", help="Of this run.")] = None,
    case: Annotated[str | None, typer.Option("--case", help="Of this case alone.")] = None,
    tryout: Annotated[
        bool, typer.Option("--tryout", help="Of the try-out on the public sample.")
    ] = False,
    poll_s: PollOption = 1.0,
    host: HostOption = None,
) -> None:
    """Print what the model printed."""
    with connect(host) as client:
        shown: set[str] = set()
        runs = _tryouts(client, submission_id) if tryout else [run]
        while True:
            final = not follow or client.submission(submission_id).final
            text = "".join(client.log(submission_id, one, case) for one in runs)
            # Logs come by case in the order of their ids, not in that of their ends.
            for part in re.split(r"(?m)^(?===> case )", text):
                if part not in shown:
                    sys.stdout.write(plain(part, lines=True))
                    shown.add(part)
            sys.stdout.flush()
            if final:
                return
            time.sleep(poll_s)


def cancel(submission_id: SubmissionArgument, host: HostOption = None) -> None:
    """End a submission that is not finished."""
    with connect(host) as client:
        view = client.cancel(submission_id)
    say(f"{view.id} is {view.progress}.")


def choose_phase(view: ChallengeView, phase: str | None) -> str:
    """Return the phase to enter: the one named, the only one, or the only open one.

    Raises:
        CommandError: There is no such phase, or several to choose from.
    """
    from datetime import UTC, datetime

    phases = view.challenge.phases
    slugs = [entry.slug for entry in phases]
    if phase is not None:
        if phase not in slugs:
            raise CommandError(
                f"{view.challenge.slug} has no phase {phase!r}.",
                f"It has {', '.join(slugs)}.",
                Exit.USAGE,
            )
        return phase
    now = datetime.now(UTC)
    open_ones = [entry.slug for entry in phases if entry.opens_at <= now < entry.closes_at]
    for candidates in (slugs, open_ones):
        if len(candidates) == 1:
            return candidates[0]
    raise CommandError(
        f"{view.challenge.slug} has the phases {', '.join(slugs)}.",
        "Name one with --phase.",
        Exit.USAGE,
    )


def tasks_for(card: ModelCard, spec: ChallengeSpec, phase: str) -> list[TaskSpec]:
    """Return the tasks of a phase that a model is for; all where its card names none."""
    return [
        spec.task(slug) for slug in spec.phase(phase).tasks if slug in card.tasks or not card.tasks
    ]


def _tryouts(client: Client, submission_id: str) -> list[str | None]:
    """Return the runs on the public sample.

    Raises:
        CommandError: There is none.
    """
    from proctor.cli.watch import tryouts_of

    found: list[str | None] = [run.id for run in tryouts_of(client.submission(submission_id))]
    if not found:
        raise CommandError(
            f"{submission_id} had no try-out on the public sample.",
            "Leave --tryout out for the log of its runs.",
            Exit.REJECTED,
        )
    return found


def enter(
    client: Client, request: SubmissionCreate, blobs: tuple[Blob, ...], key: str | None
) -> SubmissionView:
    """Enter a model; its files are sent when they alone are lacking.

    So a closed phase, terms not accepted or a quota used up is told before gigabytes are sent.
    """
    from proctor.cli.transfer import tell_uploaded, upload
    from proctor.client.errors import ApiError
    from proctor.spec.outcomes import Code

    try:
        view = client.submit(request, key)
    except ApiError as refused:
        if refused.problem.code is not Code.BLOB_MISSING:
            raise
        upload(client, blobs)
        return client.submit(request, key)
    tell_uploaded(blobs, 0)
    return view


def origin(source: Source) -> str:
    """Write where a submission says it comes from, on one line."""
    folder = f", folder {source.folder}" if source.folder else ""
    return plain(f"{source.url}@{source.revision}{folder}")


def _list_row(view: SubmissionView, style: Format) -> dict[str, object]:
    """Return a line of the list: for people one word of state, for programs a column a fact."""
    from proctor.cli.watch import progress_line
    from proctor.spec.outcomes import Code

    code = view.outcome.value if view.outcome not in {None, Code.OK} else ""
    row: dict[str, object] = {
        "id": view.id,
        "challenge": view.challenge,
        "phase": view.phase,
        "participant": view.participant,
        "model": view.card.title or view.card.name,
    }
    if style is Format.TABLE:
        row["state"] = "  ".join(filter(None, (progress_line(view), code)))
    else:
        row |= {"state": view.state.value, "progress": view.progress, **_cases(view)}
        row |= {"outcome": view.outcome and view.outcome.value, "detail": view.detail}
    return row | {"rank": view.rank, "submitted": f"{view.submitted_at:%Y-%m-%d %H:%M:%S}"}


def _cases(view: SubmissionView) -> dict[str, object]:
    from proctor.cli.watch import case_counts

    return {f"cases_{name}": count for name, count in case_counts(view)._asdict().items()}


def _announce(view: SubmissionView, host: str, style: Format, wait: bool) -> None:
    """Print id and address at once: whatever happens next, the person can find it again."""
    address = page_address(host, view)
    if style is Format.TABLE:
        sys.stdout.write(f"{view.id}\n{address}\n")
        sys.stdout.flush()
        return
    say(f"{view.id}\n{address}")
    if not wait:
        emit([{"id": view.id, "page": address}], style, document=view.model_dump(mode="json"))
