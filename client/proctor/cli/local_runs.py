"""Models on this machine: which tasks to run them on, and what to print of the reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from proctor.cli.connection import connect
from proctor.cli.contents import docker_client, refuse_unknown
from proctor.cli.contracts import declared, foreign_of, refuse_beside_folder
from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.graphs import graph_folder, is_graph, refuse_unfit
from proctor.cli.output import Format, console, emit, plain, say
from proctor.cli.prediction_folder import holds_predictions
from proctor.cli.submissions import choose_phase
from proctor.cli.zipped_folders import is_zipped_folder, unzipped_folder
from proctor.spec.outcomes import OUTCOMES, Code

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import ChallengeView
    from proctor.spec.contract import ForeignContract
    from proctor.spec.dataset import SplitData
    from proctor_runner.local import LocalReport, LocalTask, Progress


_LOGS_SHOWN = 3
_LOG_LINES = 10
_CASE_NAME = re.compile(r"\b[0-9a-f]{16}\b")
"""What a case is called inside the sandbox, drawn anew for each."""


def images_folder() -> Path:
    """Return where Proctor keeps what its own images are made of."""
    return read_environment().cache / "images"


def find_tasks(challenge: str, split: str, phase: str | None, host: str | None) -> list[LocalTask]:
    """Return the tasks of a challenge: a folder here, or the public sample of one by its slug.

    Raises:
        CommandError: A platform gives no hidden data.
    """
    from proctor_runner.challenge_folder import load_challenge
    from proctor_runner.local import local_tasks

    folder = Path(challenge)
    if (folder / "challenge.yaml").is_file():
        if folder.name == challenge:
            say(f"The challenge is the folder {challenge} here, not one of a platform.")
        return local_tasks(folder, load_challenge(folder), split)
    if folder.is_dir() or challenge.startswith((".", "/")):
        raise CommandError(f"There is no {folder / 'challenge.yaml'}.", "", Exit.USAGE)
    if split != "sample":
        raise CommandError(
            "A platform gives its public sample only.", "Leave --split out.", Exit.USAGE
        )
    with connect(host) as client:
        return _sample_tasks(client, client.challenge(challenge), phase)


Keep = Callable[[AbstractContextManager[Path]], Path]
"""Enters what must stay until a command ends."""


def model_of(name: str, keep: Keep) -> Path | str:
    """Return a folder or an archive as a path, and anything else as the name of an image.

    Args:
        keep: Enters the folder that a graph or a zip becomes.

    Raises:
        CommandError: There is no such thing.
    """
    path = Path(name)
    if holds_predictions(name) and not (path / "model.json").exists():
        raise CommandError(
            f"{name} holds predictions; there is no model in it to run.",
            "`proctor submit` sends them: each file is checked, and told by name if it is wrong.",
            Exit.USAGE,
        )
    if is_graph(path):
        return keep(graph_folder(path))
    if path.exists():
        return path
    refuse_unknown(name)
    return name


class ChosenModel(NamedTuple):
    """A model with what goes with it, if it is an image."""

    model: Path | str
    weights: Path | None
    contract: ForeignContract | None


def image_of(name: str, weights: Path | None, contract: str | None, keep: Keep) -> ChosenModel:
    """Return a model, a folder beside it, and the contract that it keeps.

    Args:
        keep: As of `model_of`.

    Raises:
        CommandError: There is no such thing, or no such contract.
    """
    if is_zipped_folder(Path(name)):
        name = str(keep(unzipped_folder(Path(name))))
    foreign = foreign_of(Path(name))
    if foreign is not None:
        name, weights = foreign.image, weights or foreign.weights
    model = model_of(name, keep)
    if isinstance(model, Path) and model.is_dir():
        refuse_beside_folder(contract)
        return ChosenModel(model, weights, None)
    found = declared(contract, foreign, lambda: _labels(model))
    return ChosenModel(model, weights, found)


def _labels(model: Path | str) -> Mapping[str, str]:
    if isinstance(model, str):
        with docker_client() as daemon:
            return dict(daemon.images.get(model).labels)
    from proctor_runner.intake.archive import read_archive
    from proctor_runner.intake.scan import read_config

    with read_archive(model) as archive:
        config = read_config(archive.content, archive.open_blob).get("config") or {}
    return dict(config.get("Labels") or {})


def for_model(tasks: list[LocalTask], model: Path | str) -> list[LocalTask]:
    """Return the tasks that a model's card names; all when it names none.

    Raises:
        CommandError: The challenge has none of them.
    """
    from proctor_runner.model_folder import read_card

    wanted = read_card(model).tasks if isinstance(model, Path) and model.is_dir() else ()
    chosen = [task for task in tasks if not wanted or task.task.slug in wanted]
    if not chosen:
        raise CommandError(
            f"{model}/model.json: tasks: the challenge has none of {', '.join(wanted)}.",
            f"It has {', '.join(task.task.slug for task in tasks)}.",
        )
    if isinstance(model, Path):
        refuse_unfit(model, (local.task for local in chosen))
    return chosen


def made_up_task(model: Path | str) -> str | None:
    """Return the task whose made-up cases fit what a model folder's card declares, if one does."""
    from proctor.cli.made_up import task_of
    from proctor_runner.model_folder import read_card

    if not isinstance(model, Path) or not model.is_dir():
        return "classification"
    card = read_card(model)
    return task_of(card) if card.io is not None else "classification"


@contextmanager
def case_progress(name: str) -> Generator[Progress]:
    """Give what shows how far a run is: one live line on a terminal, nothing in a pipe."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _stage, _done, _total: None
        return
    with screen.status(name) as status:
        yield lambda stage, done, total: status.update(f"{name}  {stage}  {done}/{total} cases")


def show_reports(reports: list[LocalReport], style: Format) -> Exit:
    """Print the scores and say which cases failed; return the exit code."""
    rows: list[dict[str, object]] = []
    for report in reports:
        tell_failures(report)
        if report.scores is None:
            continue
        for one in report.scores.aggregates:
            facts = report.scores.metrics[one.metric]
            rows.append(
                {
                    "task": report.task,
                    "metric": one.metric,
                    "label": one.label,
                    "value": one.value,
                    "unit": facts.unit,
                    "n": f"{one.n_used}/{one.n_total}",
                    "definition": facts.definition_id,
                }
            )
        seconds = report.model_s / max(len(report.cases), 1)
        say(f"{report.task}: {len(report.cases)} cases, {seconds:.2f} s a case.")
    document = {
        "scores": rows,
        "cases": [
            {"task": report.task, **case.model_dump(mode="json", exclude={"fence"})}
            for report in reports
            for case in report.cases
        ],
    }
    if rows or style is Format.JSON:
        emit(rows, style, document=document)
    return Exit.FAILED if any(map(failed, reports)) else Exit.OK


def failed(report: LocalReport) -> bool:
    """Tell whether the run or one of its cases failed."""
    return report.outcome is not Code.OK or any(c.outcome is not Code.OK for c in report.cases)


def tell_failures(report: LocalReport) -> None:
    """Say what failed, why, and what the model printed last."""
    if report.outcome is not Code.OK:
        said = OUTCOMES[report.outcome]
        say(f"{report.task}: {report.outcome.value}: {said.message} {report.detail}")
        # A hint to run this very command would lead in a circle; the log below says more.
        if "`proctor model test`" not in said.hint and "`proctor run`" not in said.hint:
            say(f"Hint: {said.hint}")
    shown: set[frozenset[str]] = set()
    for case in report.cases:
        if case.outcome is Code.OK:
            continue
        say(f"case {case.case}: {case.outcome.value}: {case.detail}")
        log = report.logs.get(case.case, b"").decode(errors="replace").strip()
        lines = log.splitlines()
        # Two streams mix in any order, so the same words may come in another; cases have names.
        words = frozenset(_CASE_NAME.sub("", line) for line in lines)
        if len(shown) < _LOGS_SHOWN and words not in shown:
            shown.add(words)
            for line in lines[-_LOG_LINES:] or ["(it printed nothing)"]:
                say(f"  | {plain(line)}")


def _sample_tasks(client: Client, view: ChallengeView, phase: str | None) -> list[LocalTask]:
    from proctor_runner.custom.score import custom_metrics as custom_of
    from proctor_runner.local import LocalTask, scorable

    chosen = view.challenge.phase(choose_phase(view, phase))
    samples = client.sample(view.challenge.slug)
    folder = read_environment().cache / "samples" / view.challenge.slug
    say(f"The public sample of {view.challenge.slug} is kept in {folder}.")
    fetch = _fetcher(client, folder)
    own = [metric.id for slug in chosen.tasks for metric in custom_of(view.challenge.task(slug))]
    if own:
        say(f"Scored on the platform only, by the organizer's own code: {', '.join(own)}.")
    return [
        LocalTask(
            challenge=view.challenge.slug,
            task=scorable(view.challenge.task(slug), ()),
            limits=chosen.limits,
            bootstrap=chosen.ranking.bootstrap,
            data=samples[slug],
            blobs=fetch(samples[slug]),
        )
        for slug in chosen.tasks
    ]


def _fetcher(client: Client, folder: Path) -> Callable[[SplitData], dict[str, Path]]:
    def fetch(split: SplitData) -> dict[str, Path]:
        paths = {}
        for half in (split.inputs, split.reference):
            for case in half.cases:
                for file in case.files.values():
                    path = folder / file.digest.removeprefix("sha256:")
                    client.download(file.digest, path)
                    paths[file.digest] = path
        return paths

    return fetch
