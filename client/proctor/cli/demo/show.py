"""The demo's steps, one after the other."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from proctor.cli import watch
from proctor.cli.audit.board import audit_board
from proctor.cli.audit.cases import LocalReferences
from proctor.cli.boards import show_board, whole_board
from proctor.cli.contents import open_model
from proctor.cli.demo.entries import (
    SLUGS,
    Entry,
    build_image,
    checkout,
    entries,
    left_out,
    preparing,
)
from proctor.cli.demo.screen import StateBoard, Steps
from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import Format, emit, say
from proctor.cli.publishing import NoDockerShelf, RuntimeShelf, publish_folder
from proctor.cli.reruns import show_verdicts
from proctor.cli.salts import KEY_BYTES
from proctor.cli.sandboxes import ReadySandbox, ready_sandbox
from proctor.cli.services.process_tree import ProcessTree
from proctor.cli.stack import RunningStack, StackPlan, running_stack
from proctor.client import Client
from proctor.spec.api import RerunRequest, SubmissionCreate, SubmissionView, UserCreate
from proctor.spec.leaderboard import Leaderboard
from proctor.spec.outcomes import Code

if TYPE_CHECKING:
    from proctor.spec.challenge import ChallengeSpec

ORGANIZER, PARTICIPANT = "olga", "pia"

_POLL_S = 0.5
_BOARD_LIMIT_S = 120.0
_MOST_SLOTS = 4


@dataclass(frozen=True)
class _Challenge:
    folder: Path
    spec: ChallengeSpec

    @property
    def slug(self) -> str:
        return self.spec.slug

    @property
    def phase(self) -> str:
        return self.spec.phases[0].slug


@dataclass(frozen=True)
class _People:
    organizer: Client
    participant: Client


def run_demo(sandbox: str, home: Path | None, before_stop: Callable[[], None]) -> Exit:
    """Run the whole demo and say whether everything went as it should.

    Args:
        sandbox: ``auto``, ``docker`` or ``process``.
        home: Where the platform keeps its state; a folder that is thrown away if none is given.
        before_stop: Called when nothing is left to do but to stop what was started.
    """
    root = checkout()
    steps = Steps()
    with ExitStack() as parts:
        folder = (home or Path(parts.enter_context(_throwaway()))).resolve()
        if (folder / "proctor.sqlite3").exists():
            raise CommandError(
                f"{folder} holds a platform already; the demo starts a fresh one.",
                "Give another --home, or none.",
                Exit.USAGE,
            )
        tree = parts.enter_context(ProcessTree(folder / "logs"))
        folders = [root / "challenges" / slug for slug in SLUGS]
        with steps.step("Set up the sandbox and prepare the challenges"):
            wait = parts.enter_context(preparing(folders))
            ready = parts.enter_context(ready_sandbox(tree, sandbox, root / ".cache/images", _note))
            _note(f"The {ready.name} sandbox is ready.")
            for line in wait():
                _note(line)
        challenges = [_load(place) for place in folders]
        with steps.step("Start a fresh platform"):
            slots = min(_MOST_SLOTS, os.cpu_count() or 1)
            plan = StackPlan(folder, run_slots=slots)
            stack = parts.enter_context(running_stack(tree, plan, ready, _note))
            people = _people(parts, stack)
            _note(f"API {stack.api}, dashboard {stack.dashboard}, {slots} runs at once.")
        with steps.step("Publish the challenges"):
            _publish(people, challenges, ready, root)
        wanted = _entries(challenges, ready)
        if any(entry.image for entry in wanted):
            with steps.step("Build the images that participants bring"):
                _build(wanted, root)
        with steps.step(f"Run and score {len(wanted)} submissions"):
            finished = _enter_all(people, challenges, wanted, tree)
        failures = [name for name, view in finished.items() if not _succeeded(view)]
        with steps.step("Rank them"):
            boards = [_ranked(people.organizer, one, finished) for one in challenges]
            for board in boards:
                show_board(board, Format.TABLE)
        with steps.step("Run the best of each challenge again in a new container"):
            verdicts = _run_again(people.organizer, boards)
        with steps.step("Recompute both boards with scikit-learn and MedPy"):
            agreed = _audit(people.organizer, challenges, boards)
        steps.show()
        for name in failures:
            say(f"FAILED: {name}: {watch.reason(finished[name])}")
        if not agreed:
            say("FAILED: the recomputed scores are not those of the boards.")
        say(f"\nDashboard    {stack.dashboard}")
        say(f"API          {stack.api}")
        say(f"Admin token  {stack.admin_token_file}")
        _keep_serving(tree)
        before_stop()
    good = not failures and agreed and all(verdict is Exit.OK for verdict in verdicts)
    return Exit.OK if good else Exit.FAILED


def _throwaway() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="proctor-demo-", ignore_cleanup_errors=True)


def _note(text: str) -> None:
    for line in text.splitlines():
        say(f"   {line}")


def _load(folder: Path) -> _Challenge:
    from proctor_runner.challenge_folder import load_challenge

    return _Challenge(folder, load_challenge(folder))


def _people(parts: ExitStack, stack: RunningStack) -> _People:
    with Client(stack.api, stack.admin_token()) as admin:
        tokens = {
            name: admin.create_user(UserCreate(name=name)).secret
            for name in (ORGANIZER, PARTICIPANT)
        }
    return _People(
        *(parts.enter_context(Client(stack.api, tokens[name])) for name in (ORGANIZER, PARTICIPANT))
    )


def _publish(
    people: _People, challenges: list[_Challenge], ready: ReadySandbox, root: Path
) -> None:
    docker = ready.name == "docker"
    shelf = RuntimeShelf(root / ".cache/images") if docker else NoDockerShelf()
    key = secrets.token_bytes(KEY_BYTES)
    for one in challenges:
        view, _ = publish_folder(people.organizer, one.folder, False, shelf, key, _note)
        facts = ", ".join(
            f"{task}: {fact.hidden_cases} hidden cases with {fact.hidden_items} items"
            for task, fact in view.tasks.items()
        )
        _note(f"{one.slug} version {view.version}; {facts}.")
        terms = one.spec.terms.version if one.spec.terms else ""
        for person in (people.organizer, people.participant):
            person.join(one.slug, terms)


def _entries(challenges: list[_Challenge], ready: ReadySandbox) -> list[Entry]:
    images = ready.name == "docker"
    if not images:
        for one in challenges:
            for name in left_out(one.folder, one.spec):
                say(f"Left out: {name} is entered as a Docker image, and there is no Docker.")
    return [entry for one in challenges for entry in entries(one.folder, one.spec, images=images)]


def _build(wanted: list[Entry], root: Path) -> None:
    for entry in wanted:
        if entry.image:
            _note(f"docker build -t {entry.image} {entry.folder.relative_to(root)}")
            build_image(entry)


def _enter_all(
    people: _People, challenges: list[_Challenge], wanted: list[Entry], tree: ProcessTree
) -> dict[str, SubmissionView]:
    """Enter everything, then follow it to its end; return each by its name."""
    phases = {one.slug: one.phase for one in challenges}
    views: dict[str, SubmissionView] = {}
    with StateBoard([entry.name for entry in wanted]) as board:
        # Folders are there at once; while images are uploaded, the folders are being run.
        for entry in sorted(wanted, key=lambda entry: entry.image is not None):
            views[entry.name] = _enter(people, entry, phases[entry.challenge])
            _look(people.organizer, views, board)
        while not all(view.final for view in views.values()):
            tree.wait(_POLL_S)
            _look(people.organizer, views, board)
    return views


def _look(client: Client, views: dict[str, SubmissionView], board: StateBoard) -> None:
    for name, view in views.items():
        if not view.final:
            views[name] = client.submission(view.id)
        board.set(name, watch.state_line(views[name]))


def _enter(people: _People, entry: Entry, phase: str) -> SubmissionView:
    person = people.organizer if entry.image is None else people.participant
    name = str(entry.folder) if entry.image is None else entry.image
    card = None if entry.image is None else entry.folder / "model.json"
    with open_model(name, card, lambda _: None) as model:
        person.upload(model.blobs)
        return person.submit(
            SubmissionCreate(
                challenge=entry.challenge,
                phase=phase,
                content=model.content,
                card=model.card,
                baseline=entry.image is None,
            )
        )


def _succeeded(view: SubmissionView) -> bool:
    return view.outcome in {None, Code.OK} and not any(run.cases_failed for run in view.runs)


def _ranked(client: Client, one: _Challenge, finished: dict[str, SubmissionView]) -> Leaderboard:
    """Return the snapshot that holds every submission that was scored."""
    expected = {
        view.id
        for view in finished.values()
        if view.challenge == one.slug and view.outcome in {None, Code.OK}
    }
    ends_at = time.monotonic() + _BOARD_LIMIT_S
    while True:
        board = whole_board(lambda start: client.leaderboard(one.slug, one.phase, start))
        missing = expected - {row.submission for row in board.rows}
        if not missing:
            return board
        if time.monotonic() > ends_at:
            raise CommandError(
                f"The leaderboard of {one.slug} lacks {', '.join(sorted(missing))}"
                f" {_BOARD_LIMIT_S:g} s after the last score."
            )
        time.sleep(_POLL_S)


def _run_again(client: Client, boards: list[Leaderboard]) -> list[Exit]:
    started = [client.rerun(board.rows[0].submission, RerunRequest()) for board in boards]
    verdicts = []
    for board, view in zip(boards, started, strict=True):
        _note(f"{board.challenge}: {board.rows[0].title} ({view.id})")
        runs = watch.follow_reruns(client, view, _POLL_S)
        verdicts.append(show_verdicts(view, runs, Format.TABLE))
    return verdicts


def _audit(client: Client, challenges: list[_Challenge], boards: list[Leaderboard]) -> bool:
    findings = [
        finding
        for one, board in zip(challenges, boards, strict=True)
        for finding in audit_board(
            client, one.spec.slug, one.spec.tasks, board, LocalReferences(one.folder)
        )
    ]
    emit([finding.row() for finding in findings], Format.TABLE)
    largest = max((f.largest for f in findings), default=0.0)
    say(f"Largest difference: {largest:.3g}.")
    return bool(findings) and all(finding.agrees for finding in findings)


def _keep_serving(tree: ProcessTree) -> None:
    if not sys.stdin.isatty():
        say("No terminal is attached, so everything is stopped now.")
        return
    say("Everything keeps running; Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        while True:
            tree.wait(3600)
