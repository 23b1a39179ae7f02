"""`proctor model init` and `proctor run`: a model before it is entered.

Both run it as the platform would: the same sandbox, limits, decoding and metrics.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from proctor.cli import card_upgrade, model_cards, model_examination
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import (
    ChallengeOption,
    ContractOption,
    FormatOption,
    HostOption,
    PhaseOption,
    SandboxOption,
    WeightsOption,
    challenge_and_model,
)
from proctor.cli.output import Format, say

models = typer.Typer(no_args_is_help=True, help="Write a model folder and test it.")
models.command("test")(model_examination.examine_model)
models.command("check")(model_cards.check)
models.command("show")(model_cards.show)
models.command("upgrade")(card_upgrade.upgrade)

_MODELS = "A model folder, an .onnx file, a local Docker image, a `docker save` archive."
ModelArgument = Annotated[str, typer.Argument(help=_MODELS)]


@models.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The model's name, and the folder that is made.")],
    task: Annotated[
        str,
        typer.Option(
            "--task",
            help="classification, segmentation, regression, detection, tabular or text.",
        ),
    ] = "classification",
    framework: Annotated[
        str, typer.Option("--framework", help="numpy, sklearn, pytorch or onnx.")
    ] = "numpy",
) -> None:
    """Write a model folder that runs as it is, to start from."""
    from proctor.cli.names import require_model_name
    from proctor.template.scaffold import scaffold

    folder = Path(name)
    require_model_name(folder.name)
    try:
        written = scaffold(folder, folder.name, task, framework)
    except (ValueError, FileExistsError) as error:
        raise CommandError(str(error), "", Exit.USAGE) from error
    for path in written:
        sys.stdout.write(f"{path}\n")
    say(f"Next: `proctor model test {folder}`, then `proctor run <challenge> {folder}`.")


def run(
    context: typer.Context,
    challenge: Annotated[
        str, typer.Argument(help="A challenge folder, or a slug; the model with --challenge.")
    ],
    model: Annotated[str | None, typer.Argument(help=_MODELS)] = None,
    named: ChallengeOption = None,
    phase: PhaseOption = None,
    split: Annotated[
        str, typer.Option("--split", help="Of a folder: sample or hidden.")
    ] = "sample",
    weights: WeightsOption = None,
    contract: ContractOption = None,
    sandbox: SandboxOption = "auto",
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Run a model here, with the platform's sandbox, limits and metrics, and print its scores."""
    from proctor.cli import local_runs
    from proctor.cli.contents import read_weights, refuse_weights
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.local import run_local_task

    if split not in ("sample", "hidden"):
        raise CommandError(f"There is no split {split!r}.", "Give sample or hidden.", Exit.USAGE)
    challenge, model = challenge_and_model(challenge, model, named)
    keep = context.with_resource
    chosen, weights, declared = local_runs.image_of(model, weights, contract, keep)
    if weights is not None:
        refuse_weights(chosen)
        read_weights(weights)
    tasks = local_runs.for_model(local_runs.find_tasks(challenge, split, phase, host), chosen)
    name = usable_sandbox(sandbox, local_runs.images_folder(), say)
    reports = []
    for local in tasks:
        with local_runs.case_progress(local.task.slug) as progress:
            reports.append(
                run_local_task(local, chosen, name, progress, weights=weights, contract=declared)
            )
    raise typer.Exit(local_runs.show_reports(reports, style))
