"""Predictions that a participant made elsewhere, checked by their names and sizes.

What the files hold is read by nobody here: a worker decodes them in a sandbox.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlmodel import Session

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.outcomes import Code, ParticipantError, ProctorError
from proctor.spec.predictions import case_folder
from proctor.spec.task import TaskSpec
from proctor.spec.work import PredictionsContent
from proctor_platform.submissions.contents import refuse_kind
from proctor_platform.tables import ChallengeVersion
from proctor_platform.versions import dataset


def check_predictions(
    session: Session,
    version: ChallengeVersion,
    spec: ChallengeSpec,
    phase: PhaseSpec,
    content: PredictionsContent,
) -> None:
    """Refuse what is no prediction of a case of the phase's tasks, and what is too large.

    A file that lacks is the case's failure, not a reason to refuse the others.

    Raises:
        ParticipantError: a path names no case or no output, or twice the same; a task has none.
        ProctorError: the challenge takes no predictions, or a case has more bytes than allowed.
    """
    refuse_kind(spec, content)
    files: dict[str, tuple[str, set[str]]] = {}
    for slug in phase.tasks:
        outputs = {output.file for output in spec.task(slug).outputs.values()}
        for case in dataset(session, version, slug, "hidden", "inputs").cases:
            files[case_folder(slug, case.id, phase.tasks)] = slug, outputs
    sizes: Counter[str] = Counter()
    seen: set[str] = set()
    answered: set[str] = set()
    for entry in content.entries:
        folder, _, name = entry.path.rpartition("/")
        if folder not in files:
            raise _rejected(_not_a_case(spec, phase, entry.path))
        task, outputs = files[folder]
        if name not in outputs:
            asked = " and ".join(sorted(outputs))
            raise _rejected(f"{entry.path}: the task {task} asks for {asked} in every case.")
        if entry.path in seen:
            raise _rejected(f"{entry.path} is named twice.")
        seen.add(entry.path)
        answered.add(task)
        sizes[folder] += entry.file.size
    for slug in phase.tasks:
        if slug not in answered:
            raise _rejected(f"There is no prediction for the task {slug}.")
    folder, most = sizes.most_common(1)[0]
    if most > phase.limits.output_bytes:
        raise ProctorError(
            Code.TOO_LARGE,
            f"The files of {folder} have {most} bytes; phase {phase.slug} allows"
            f" {phase.limits.output_bytes} for one case.",
        )


def _rejected(detail: str) -> ParticipantError:
    return ParticipantError(Code.PREDICTIONS_REJECTED, detail)


def _not_a_case(spec: ChallengeSpec, phase: PhaseSpec, path: str) -> str:
    folders = path.split("/")[:-1]
    several = len(phase.tasks) > 1
    wanted = 2 if several else 1
    if len(folders) != wanted:
        layout = "<task>/<case>/<file>" if several else "<case>/<file>"
        example = _example([spec.task(slug) for slug in phase.tasks])
        return f"{path} is no prediction: files are named {layout}, for example {example}."
    if several and folders[0] not in phase.tasks:
        return f"{path}: phase {phase.slug} has no task {folders[0]}, but {', '.join(phase.tasks)}."
    task = folders[0] if several else phase.tasks[0]
    return (
        f"{path}: the task {task} has no case {folders[-1]};"
        f" `proctor challenge inputs {spec.slug}` lists its cases."
    )


def _example(tasks: Sequence[TaskSpec]) -> str:
    file = next(iter(tasks[0].outputs.values())).file
    return f"{case_folder(tasks[0].slug, 'CASE', [task.slug for task in tasks])}/{file}"
