"""`proctor challenge inputs|template`: a test set that everybody may have, and answers to it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, PhaseOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import ChallengeView
    from proctor.spec.challenge import PhaseSpec
    from proctor.spec.dataset import PublicCase, PublicInputs
    from proctor.spec.task import OutputSpec, TaskSpec

SlugArgument = Annotated[str, typer.Argument(help="The challenge's slug.")]

_README = """# Predictions for {title}

One folder a case{tasks}, with every output that the task asks for:

{layout}

The files here are right in form and answer nothing: put your own in their place, under the same
names. One table for all cases is as good: in the place of those of the cases, with `case` as its
first column. What is not here is a missing case and takes the worst value. `{card}` says what
this is; fill it in, it is shown on the board. This README is not sent.

    proctor submit {slug} {folder} --wait

Nothing of yours is run, so nothing can be run again: the board says so.
"""


def inputs(
    slug: SlugArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Bring the files into this folder.")
    ] = None,
    phase: PhaseOption = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List the cases of a test set whose inputs are public; with --out bring their files too."""
    from proctor.spec.predictions import case_folder

    with connect(host) as client:
        view = client.challenge(slug)
        chosen = _phase(view, phase)
        found = _inputs(client, view, chosen)
        rows: list[dict[str, object]] = []
        for task, public in found.items():
            spec = view.challenge.task(task)
            for case in public.cases:
                folder = case_folder(task, case.id, chosen.tasks)
                names = {name: _file_name(spec, name) for name in case.files}
                if out is not None:
                    for name, file in case.files.items():
                        client.download(file.digest, out / folder / names[name])
                rows.append(
                    {
                        "task": task,
                        "case": case.id,
                        "items": case.items,
                        "files": " ".join(f"{folder}/{file}" for file in names.values()),
                    }
                )
    emit(rows, style)
    if out is not None:
        say(f"The files are in {out}.")


def template(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="predictions")],
    slug: SlugArgument,
    folder: Annotated[Path, typer.Argument(help="The folder that is made.", file_okay=False)],
    phase: PhaseOption = None,
    host: HostOption = None,
) -> None:
    """Write an example of what may be submitted: predictions of every case, right in form."""
    from proctor.spec.predictions import case_folder

    if kind != "predictions":
        raise CommandError(
            f"There is no template {kind!r}.",
            "Say predictions; for a model, `proctor model init` writes one.",
            Exit.USAGE,
        )
    if folder.exists() and any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty.", "Name a folder that is new.", Exit.USAGE)
    with connect(host) as client:
        view = client.challenge(slug)
        chosen = _phase(view, phase)
        found = _inputs(client, view, chosen)
        if missing := [task for task in chosen.tasks if task not in found]:
            raise CommandError(
                f"The inputs of the task {missing[0]} are hidden.", "", Exit.REJECTED
            )
        if kind not in (accepted := view.challenge.accepts):
            raise CommandError(
                f"{slug} takes no predictions: it accepts {', '.join(accepted)}.",
                "`proctor model init` writes a model to enter.",
                Exit.REJECTED,
            )
        count = 0
        for task, public in found.items():
            spec = view.challenge.task(task)
            for case in public.cases:
                place = folder / case_folder(task, case.id, chosen.tasks)
                place.mkdir(parents=True)
                for output in spec.outputs.values():
                    _write_output(client, spec, output, case, place / output.file)
                count += 1
    _write_card(view, chosen, folder)
    say(f"Wrote constant answers to {count} cases. Next: put yours in their place, then submit.")
    typer.echo(folder)


def _phase(view: ChallengeView, phase: str | None) -> PhaseSpec:
    from proctor.cli.submissions import choose_phase

    return view.challenge.phase(choose_phase(view, phase))


def _inputs(client: Client, view: ChallengeView, phase: PhaseSpec) -> dict[str, PublicInputs]:
    """Return the public inputs of a phase's tasks.

    Raises:
        CommandError: None of them are public.
    """
    tasks = [slug for slug in phase.tasks if view.challenge.task(slug).inputs_public]
    if not tasks:
        raise CommandError(
            f"The inputs of {view.challenge.slug} are hidden: models come to them.",
            "`proctor run` brings its public sample, and scores a model on it.",
            Exit.REJECTED,
        )
    return {slug: client.inputs(view.challenge.slug, slug) for slug in tasks}


def _file_name(task: TaskSpec, name: str) -> str:
    """Return what an input is called in a model's container, and so here."""
    from proctor_runner.contracts.native import suffix

    return f"{name}{suffix(task.inputs[name].file)}"


def _write_output(
    client: Client, task: TaskSpec, output: OutputSpec, case: PublicCase, path: Path
) -> None:
    from proctor.spec.task import OutputType

    if output.type is OutputType.LABEL_LIST:
        path.write_text("\n".join(["label", *[str(min(task.labels))] * case.items]) + "\n")
        return
    if output.type is OutputType.TEXT:
        empty = "" if path.suffix == ".txt" else json.dumps([""] * case.items) + "\n"
        path.write_text(empty, encoding="utf-8")
        return
    if output.type is OutputType.BOXES:
        _write_no_boxes(output, case.items, path)
        return
    if output.type in (OutputType.TABLE, OutputType.VECTOR):
        _write_table(output, case.items, path)
        return
    if output.type in (OutputType.CONTOUR, OutputType.CUSTOM):
        path.write_text("[]\n" if output.type is OutputType.CONTOUR else "null\n")
        return
    from proctor.cli.constant_mask import write_constant_image, write_constant_mask

    name = output.grid or ""
    with TemporaryDirectory(prefix="proctor-grid-") as scratch:
        grid = Path(scratch) / _file_name(task, name)
        client.download(case.files[name].digest, grid)
        if output.type.of_numbers:
            write_constant_image(grid, 0.0, path)
            return
        label = min(task.labels)
        if output.type is OutputType.INSTANCES:
            # One object of the first class, everywhere.
            label = 1 if output.class_divisor is None else label * output.class_divisor + 1
        write_constant_mask(grid, label, path)


def _write_no_boxes(output: OutputSpec, items: int, path: Path) -> None:
    # An item alone in its row holds no box, in a file for each case and in one for all.
    if path.suffix == ".json":
        path.write_text("[]\n")
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(output.columns)
        writer.writerows([item, *[""] * (len(output.columns) - 1)] for item in range(items))


def _write_table(output: OutputSpec, items: int, path: Path) -> None:
    # The same for every column: where they are probabilities, they sum to one.
    same = 1 / len(output.columns)
    if path.suffix == ".npy":
        import numpy as np

        from proctor.spec.task import OutputType

        vector = output.type is OutputType.VECTOR
        shape = (items,) if vector else (items, len(output.columns))
        np.save(path, np.full(shape, same), allow_pickle=False)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(output.columns)
        writer.writerows([[repr(same)] * len(output.columns)] * items)


def _rows(output: OutputSpec) -> str:
    if output.most_per_item is None:
        return "row i answers item i"
    return f"a row a box, at most {output.most_per_item} in an item"


def _write_card(view: ChallengeView, phase: PhaseSpec, folder: Path) -> None:
    from proctor.cli.prediction_folder import CARD, README

    spec = view.challenge
    card = {"contract": 1, "name": "constant", "title": "Constant answers", "license": "CC0-1.0"}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
    several = len(phase.tasks) > 1
    layout = [
        f"    {'<task>/' if several else ''}<case>/{output.file}"
        + (f"   columns {', '.join(output.columns)}; {_rows(output)}" if output.columns else "")
        + (f"   on the grid of {output.grid}" if output.grid else "")
        for output in (
            output for slug in phase.tasks for output in spec.task(slug).outputs.values()
        )
    ]
    (folder / README).write_text(
        _README.format(
            title=spec.title,
            tasks=", inside one a task" if several else "",
            layout="\n".join(dict.fromkeys(layout)),
            card=CARD,
            slug=spec.slug,
            folder=folder,
        )
    )
