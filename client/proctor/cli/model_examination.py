"""`proctor model test`: everything that can be found out about a model before it is entered."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import (
    ContractOption,
    FormatOption,
    HostOption,
    SandboxOption,
    WeightsOption,
    require_folder,
)
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.spec.card.examination import Check, Examination
    from proctor_runner.examination.own_samples import Sample
    from proctor_runner.examination.subject import Subject
    from proctor_runner.local import LocalTask

CardOption = Annotated[
    Path | None, typer.Option("--card", help="The model.json of an image.", dir_okay=False)
]


def examine_model(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="A model folder, an .onnx file, a local Docker image, a `docker save` archive."
        ),
    ],
    challenge: Annotated[
        str | None, typer.Option("--challenge", help="A challenge folder or a slug to test with.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="Without a challenge: a task of `model init`; if not given, the one that the"
            " folder's card fits, else the folder's own samples.",
        ),
    ] = None,
    weights: WeightsOption = None,
    contract: ContractOption = None,
    card: CardOption = None,
    build: Annotated[
        bool, typer.Option("--build", help="Build the folder's Dockerfile and test the image.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write all of it to one HTML file.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
    sandbox: SandboxOption = "auto",
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Test a model as a platform would run it: its card, its answers twice, walls and limits."""
    from proctor.cli import local_runs
    from proctor.cli.model_subject import refused, subject_of
    from proctor.cli.sandboxes import usable_sandbox
    from proctor.spec.card.reading import CardError
    from proctor_runner.examination.examine import examine, examine_on_samples

    require_folder(report)
    chosen = local_runs.image_of(model, weights, contract, context.with_resource)
    with ExitStack() as stack:
        try:
            subject = subject_of(model, chosen, card, build=build)
        except CardError as error:
            _end(refused(model, error), report, style, strict=strict)
            return
        name = usable_sandbox(sandbox, local_runs.images_folder(), say)
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="proctor-test-")))
        if challenge is None:
            task = task or local_runs.made_up_task(chosen.model)
        with local_runs.case_progress(model) as progress:
            if challenge is None and task is None:
                samples = _samples(subject, chosen.model, scratch)
                examined = examine_on_samples(subject, samples, name, progress)
            else:
                tasks = local_runs.for_model(_tasks(challenge, task, scratch, host), chosen.model)
                examined = examine(subject, tasks, name, progress)
    for attempt in examined.attempts:
        if local_runs.failed(attempt.report):
            local_runs.tell_failures(attempt.report)
            break
    _end(examined.examination, report, style, strict=strict)


def _tasks(
    challenge: str | None, task: str | None, scratch: Path, host: str | None
) -> list[LocalTask]:
    from proctor.cli import local_runs
    from proctor.cli.new_challenge import new_challenge

    if challenge is None:
        say(f"No challenge is named; testing on made-up cases for {task}.")
        challenge = str(scratch / "made-up")
        try:
            new_challenge(Path(challenge), "made-up", task or "classification")
        except ValueError as error:
            raise CommandError(f"{error}.", "", Exit.USAGE) from error
    return local_runs.find_tasks(challenge, "sample", None, host)


def _samples(subject: Subject, model: Path | str, scratch: Path) -> tuple[Sample, ...]:
    """Return what a folder is tried with whose card fits no made-up task."""
    from proctor_runner.examination.own_samples import MADE_UP, NoSampleError, own_samples

    card = subject.card
    if card is None or card.io is None or not isinstance(model, Path):
        raise AssertionError("only a folder whose card has io fits no made-up task")
    try:
        samples = own_samples(model, card.io, scratch)
    except NoSampleError as error:
        raise CommandError(
            f"{error}.",
            "Or name a challenge with --challenge, or the kind of made-up cases with --task.",
            Exit.USAGE,
        ) from error
    made_up = samples[0].name == MADE_UP
    say(
        "No challenge is named, and no made-up task has these inputs and outputs; testing on"
        f" {'inputs made up from the card' if made_up else f'its own samples ({len(samples)})'}."
        " Left out: scores, the task's rules of outputs, the limits of a phase."
    )
    return samples


def _end(found: Examination, report: Path | None, style: Format, *, strict: bool) -> None:
    """Print what was found, write the report, and end with what it means.

    Raises:
        CommandError: The model did not pass.
    """
    from proctor.spec.card.examination import Finding

    if report is not None:
        from proctor.plots.model_report import model_report

        report.write_text(model_report(found), encoding="utf-8", newline="\n")
        say(f"All of it is in {report}.")
    emit(list(map(check_row, found.checks)), style, document=found.model_dump(mode="json"))
    failed, warned = found.found(Finding.FAILED), found.found(Finding.WARNED)
    if failed or (strict and warned):
        wrong = [*failed, *(warned if strict else ())]
        told = "".join(f"\n  {check.name}: {check.reason}" for check in wrong)
        raise CommandError(
            f"The model does not pass {len(wrong)} of {len(found.checks)} checks:{told}",
            wrong[0].fix,
        )
    complete = (
        f" Its card is {found.completeness.percent} % complete." if found.completeness else ""
    )
    say(
        f"The model passes: {len(found.found(Finding.PASSED))} checks, {len(warned)} warnings."
        f"{complete}"
    )


def check_row(check: Check) -> dict[str, object]:
    """Return a check as a row of a table."""
    return {
        "check": check.name,
        "result": check.finding.value,
        "why": check.reason,
        "what to do": check.fix,
    }
