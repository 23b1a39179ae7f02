"""What can be told of a model from its card and the names of its files, before it runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proctor.spec.card.claims import claims_of_nothing, measured_by
from proctor.spec.card.completeness import Completeness
from proctor.spec.card.examination import Check
from proctor.spec.card.licenses import license_problem
from proctor.spec.limits import Limits
from proctor.spec.model import ModelCard
from proctor.spec.task import TaskSpec
from proctor_runner.examination.verdicts import Question

_FILES = Question("files", "The files of the model are there", modelhub=True)
MOUNTED = Question("mounts", "It can be mounted on its runtime image")
CARD = Question("card", "model.json is valid", modelhub=True)
_LEGAL = Question("legal", "Its licenses are stated, with their texts", modelhub=True)
_SAMPLES = Question("samples", "It brings samples to try it with", modelhub=True)
_FILLED = Question("filled", "Nobody's words but the author's are in the card")
_COMPLETE = Question("complete", "The card tells what readers look for")
_RESOURCES = Question("resources", "It asks for no more than the phase gives")
_IO = Question("io", "What the card says goes in and out fits the task")
_CLAIMS = Question("claims", "Claimed scores are of what the challenge measures")

_LICENSE_FILES = ("license", "licence", "copying", "notice")
_ENOUGH_PERCENT = 60
_PROGRAM = "model.py"


def files_check(files: Collection[str]) -> Check:
    """Tell whether a folder has what the engine needs."""
    if _PROGRAM in files or any(name.endswith(".onnx") for name in files):
        return _FILES.passed(f"{len(files)} files.")
    return _FILES.failed(
        f"There is no {_PROGRAM}.",
        "`proctor model init` writes one, with a class Model.",
    )


def card_checks(
    card: ModelCard,
    files: Collection[str] | None,
    left: Collection[str],
    complete: Completeness,
) -> Iterator[Check]:
    """Judge a card by itself.

    Args:
        files: Paths in the model folder; None of an image, whose files nobody listed.
        left: Fields that still hold the words of `proctor model init`.
    """
    yield _legal(card, files)
    if files is not None:
        samples = [name for name in files if name.startswith(("samples/", "sample_data/"))]
        yield (
            _SAMPLES.passed(f"{len(samples)} files in samples/.")
            if samples
            else _SAMPLES.warned(
                "There is no folder samples/.",
                "Put a small input or two of each kind there; whoever tries the model gets them.",
            )
        )
    yield (
        _FILLED.warned(
            f"It still holds the words of `proctor model init`: {', '.join(left)}.",
            "Replace them in model.json; everybody will see them.",
        )
        if left
        else _FILLED.passed()
    )
    missing = [state for state in complete.missing if state.fields]
    words = f"{complete.percent} % of the 26 elements of information are there."
    if complete.percent >= _ENOUGH_PERCENT:
        yield _COMPLETE.passed(words)
    else:
        fields = ", ".join(state.fields[0] for state in missing)
        yield _COMPLETE.warned(words, f"State more of it in model.json: {fields}.")


def task_checks(card: ModelCard, tasks: Collection[TaskSpec], limits: Limits) -> Iterator[Check]:
    """Judge a card against what a challenge asks and gives."""
    beyond = card.resources.beyond(limits)
    yield (
        _RESOURCES.warned(
            f"{'; '.join(beyond)}.",
            "It gets what the phase gives; lower `resources`, or choose another phase.",
        )
        if beyond
        else _RESOURCES.passed()
    )
    if card.io is not None:
        yield _fits(card, tasks)
    if card.claimed_scores:
        yield _claims(card, tasks)


def left_out_checks(card: ModelCard) -> Iterator[Check]:
    """Say what nobody can judge of a card without a challenge."""
    yield _RESOURCES.skipped("No challenge is named: it got what it asks for.")
    yield _IO.skipped("No challenge is named, and no made-up task has such inputs and outputs.")
    if card.claimed_scores:
        yield _CLAIMS.skipped("No challenge is named: nothing was scored.")


def _legal(card: ModelCard, files: Collection[str] | None) -> Check:
    if not card.license:
        return _LEGAL.warned(
            "The card states no license: nobody may use or pass on the model.",
            'State it as an SPDX expression, such as "license": "Apache-2.0".',
        )
    problem = license_problem(card.license)
    if problem:
        return _LEGAL.warned(
            f"license: {problem}.",
            "Write an SPDX expression, or LicenseRef- and a name for a license of your own.",
        )
    if files is not None and not any(_is_license(name) for name in files):
        return _LEGAL.warned(
            f"The license is {card.license}, and its text is not in the folder.",
            "Put it there as LICENSE.",
        )
    return _LEGAL.passed(f"{card.license}.")


def _is_license(path: str) -> bool:
    first, _, _ = path.lower().partition("/")
    return first.startswith(_LICENSE_FILES)


def _fits(card: ModelCard, tasks: Collection[TaskSpec]) -> Check:
    io = card.io
    assert io is not None  # noqa: S101
    for task in tasks:
        for names, declared, what in (
            (set(task.inputs), set(io.inputs), "inputs"),
            (set(task.outputs), set(io.outputs), "outputs"),
        ):
            if names != declared:
                return _IO.failed(
                    f"io.{what} are {', '.join(sorted(declared))}; the task {task.slug} has"
                    f" {', '.join(sorted(names))}.",
                    "Name them as the task does, or test with a challenge that it is for.",
                )
    return _IO.passed()


def _claims(card: ModelCard, tasks: Collection[TaskSpec]) -> Check:
    if strange := claims_of_nothing(card, tasks):
        return _CLAIMS.warned(
            f"claimed_scores has {', '.join(strange)}; the challenge measures"
            f" {', '.join(measured_by(tasks))}.",
            "Name a metric's id, task/metric or task/metric/label.",
        )
    return _CLAIMS.passed(f"{len(card.claimed_scores)} are.")
