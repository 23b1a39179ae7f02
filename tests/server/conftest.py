"""The platform on each kind of database, people with tokens, and one tiny published challenge."""

from __future__ import annotations

import base64
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import make_url
from sqlmodel import select
from starlette.testclient import TestClient

from proctor.spec.base import FileRef
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.dataset import Dataset, DatasetCase, SplitData, TaskDatasets
from proctor.spec.digests import FolderEntry, digest_bytes
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.model import ModelCard
from proctor.spec.work import FolderContent, ImageContent, Role, RuntimeImage
from proctor_metrics.bootstrap import draw_weights, replicate_means
from proctor_platform import migrate, tokens
from proctor_platform.app import create_app
from proctor_platform.blobs import add_once
from proctor_platform.database import Database
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.queueing.bells import NoBells
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.score_tables import (
    AggregateScore,
    Score,
)
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import (
    Blob,
    BlobGrant,
    CaseResult,
    Evaluation,
    LeaderboardRow,
    LeaderboardSnapshot,
    Run,
    Submission,
    User,
)

# Where the two kinds of database differ most; what else runs on PostgreSQL does so each night.
ON_POSTGRESQL_EACH_TIME = {
    "test_audit.py",
    "test_boards.py",
    "test_claim.py",
    "test_clearing.py",
    "test_concurrency.py",
    "test_dispatcher.py",
    "test_migrations.py",
    "test_postgresql.py",
    "test_submitting.py",
    "test_transitions.py",
    "test_turns.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of what runs on SQLite already to the night on PostgreSQL."""
    for item in items:
        if (
            "server" in item.path.parts
            and item.get_closest_marker("postgresql")
            and item.path.name not in ON_POSTGRESQL_EACH_TIME
        ):
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Person:
    """A user, or a worker, and the requests they make."""

    client: TestClient
    id: str
    name: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, method: str, path: str, **options: Any) -> Any:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.request("POST", path, json=json, **options)

    def put_blob(self, content: bytes) -> FileRef:
        ref = FileRef(digest=digest_bytes(content), size=len(content))
        answer = self.request("PUT", f"/blobs/{ref.digest}", content=content)
        assert answer.status_code in (200, 201), answer.text
        return ref

    def have_blobs(self, contents: Iterable[bytes]) -> None:
        """Let the person have uploaded these, without the many requests that it takes."""
        state = self.client.app.state  # type: ignore[attr-defined]
        refs = {digest_bytes(content): content for content in contents}
        for digest, content in refs.items():
            if not state.store.has(digest):
                with state.store.writer(FileRef(digest=digest, size=len(content))) as writer:
                    writer.write(content)
                    writer.finish()
        with state.database.writing() as session:
            for digest, content in refs.items():
                add_once(session, Blob(digest=digest, size=len(content)))
                add_once(session, BlobGrant(digest=digest, audience=f"user:{self.id}"))
            session.commit()

    def submit(self, content: Any, card: Any, key: str | None = None, **fields: Any) -> Any:
        body = {
            "challenge": "tiny",
            "phase": "main",
            "content": content.model_dump(mode="json"),
            "card": card.model_dump(mode="json"),
            **fields,
        }
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/submissions", body, headers=headers)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file without rows, to be copied: migrating takes most of a second."""
    file = tmp_path_factory.mktemp("empty") / "proctor.sqlite3"
    database = Database(f"sqlite:///{file}")
    migrate.upgrade(database.engine)
    database.close()
    return file


@pytest.fixture(scope="session")
def empty_postgresql(databases: Any) -> str:
    """The name of a migrated PostgreSQL database without rows, to be copied."""
    url: str = databases.make()
    database = Database(url)
    migrate.upgrade(database.engine)
    database.close()
    return str(make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database without rows, of one kind after the other."""
    if request.param == "sqlite":
        file = tmp_path / "proctor.sqlite3"
        shutil.copy(request.getfixturevalue("empty_database"), file)
        yield f"sqlite:///{file}"
        return
    databases = request.getfixturevalue("databases")
    url = databases.make(request.getfixturevalue("empty_postgresql"))
    yield url
    databases.drop(url)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> PlatformSettings:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    # A slow machine must not lose work in the middle of a test; what lapses is made to.
    return PlatformSettings(home=home, database_url=database_url, lease_s=600)


@pytest.fixture
def app(settings: PlatformSettings) -> Iterator[FastAPI]:
    app = create_app(settings, rounds=False)
    yield app
    # Not every test starts it, and so lets it close by itself.
    app.state.database.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def database(app: FastAPI) -> Database:
    return app.state.database


@pytest.fixture
def person(client: TestClient, database: Database) -> Callable[..., Person]:
    """Make a user with a token of theirs."""

    def make(name: str, *, admin: bool = False) -> Person:
        with database.writing() as session:
            user = User(id=new_id(Kind.USER), name=name, admin=admin)
            session.add(user)
            session.flush()
            token = tokens.mint(session, user_id=user.id)
            session.commit()
        return Person(client, user.id, name, token.secret)

    return make


@pytest.fixture
def worker(client: TestClient, database: Database) -> Callable[[Role], Person]:
    """Make a worker's token of one role."""

    def make(role: Role) -> Person:
        with database.writing() as session:
            token = tokens.mint(session, worker_role=role)
            session.commit()
        return Person(client, "", role.value, token.secret)

    return make


@pytest.fixture
def admin(person: Callable[..., Person]) -> Person:
    return person("root-admin", admin=True)


@pytest.fixture
def organizer(person: Callable[..., Person]) -> Person:
    return person("olga")


@pytest.fixture
def participant(person: Callable[..., Person]) -> Person:
    return person("paul")


@pytest.fixture
def other(person: Callable[..., Person]) -> Person:
    return person("quinn")


@pytest.fixture
def anonymous(client: TestClient) -> Person:
    return Person(client, "", "", "")


@dataclass(frozen=True)
class Tiny:
    """The tiny challenge's documents, its bytes by digest, and a model folder for it."""

    spec: ChallengeSpec
    data: dict[str, TaskDatasets]
    runtime: RuntimeImage
    blobs: dict[str, bytes]
    model: FolderContent
    image: ImageContent
    card: ModelCard

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return the body that publishes the challenge, with some of its fields changed."""
        challenge = {**self.spec.model_dump(mode="json"), **changes}
        return {
            "challenge": challenge,
            "data": {slug: data.model_dump(mode="json") for slug, data in self.data.items()},
            "runtimes": [self.runtime.model_dump(mode="json")],
        }

    def publish(self, who: Person, **changes: Any) -> Any:
        who.have_blobs(self.blobs.values())
        return who.post(
            f"/challenges/{changes.get('slug', self.spec.slug)}/versions", self.request(**changes)
        )

    def enter(self, who: Person, key: str | None = None, **fields: Any) -> Any:
        """Join and submit the model folder."""
        joined = who.post("/challenges/tiny/join", {"terms_version": "1"})
        assert joined.status_code == 204, joined.text
        who.have_blobs(self.blobs[entry.file.digest] for entry in self.model.entries)
        return who.submit(self.model, self.card, key, **fields)


def phase(slug: str = "main", **changes: Any) -> dict[str, Any]:
    """Return a phase that is open now."""
    today = datetime.now(UTC)
    return {
        "slug": slug,
        "title": "Main",
        "tasks": ["classify"],
        "opens_at": (today - timedelta(days=1)).isoformat(),
        "closes_at": (today + timedelta(days=1)).isoformat(),
        "show_logs": True,
        "tryout": False,
        "quota": {"per_day": 3, "total": 5},
        **changes,
    }


def split(blobs: dict[str, bytes], name: str, cases: int, items: int) -> SplitData:
    """Return a split of small distinct files, adding their bytes to ``blobs``."""

    def dataset(kind: Any, file: str, salt: str) -> Dataset:
        made = []
        for number in range(cases):
            content = f"{name} {kind} {number}".encode()
            ref = FileRef(digest=digest_bytes(content), size=len(content))
            blobs[ref.digest] = content
            made.append(
                DatasetCase(
                    id=f"c{number}",
                    group=f"g{number}",
                    strata={"writer": "left" if number % 2 else "right"},
                    items=items,
                    files={file: ref},
                )
            )
        return Dataset(kind=kind, cases=tuple(made), salt=salt)

    return SplitData(
        inputs=dataset("inputs", "images", ""), reference=dataset("reference", "labels", "ab" * 32)
    )


def file_of(blobs: dict[str, bytes], content: bytes) -> FileRef:
    """Add bytes to ``blobs`` and return their reference."""
    ref = FileRef(digest=digest_bytes(content), size=len(content))
    blobs[ref.digest] = content
    return ref


@pytest.fixture(scope="session")
def tiny_phase() -> Callable[..., dict[str, Any]]:
    """Make the tiny challenge's phase with changes, for publishing again."""
    return phase


@pytest.fixture
def tiny() -> Tiny:
    """Three hidden cases of four items, two of the sample, one task, top-1 accuracy."""
    blobs: dict[str, bytes] = {}
    task = {
        "slug": "classify",
        "title": "Classify",
        "items_per_case": 4,
        "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"probabilities": {"type": "table", "file": "p.csv", "columns": ["a", "b"]}},
        "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
        "labels": {0: "a", 1: "b"},
        "data": {
            "hidden": {"inputs": "data/hidden/inputs", "reference": "data/hidden/reference"},
            "sample": {"inputs": "data/sample/inputs", "reference": "data/sample/reference"},
        },
        "metrics": [
            {
                "id": "top1",
                "name": "top_k_accuracy",
                "parameters": {"k": 1},
                "output": "probabilities",
                "reference": "labels",
                "worst": 0.0,
            }
        ],
        "primary": "top1",
        "strata": ["writer"],
    }
    spec = ChallengeSpec.model_validate(
        {
            "schema": 1,
            "slug": "tiny",
            "title": "Tiny",
            "summary": "A challenge for tests",
            "terms": {"version": "1", "text": "Be kind."},
            "runtimes": ["runtime-cpu"],
            "tasks": [task],
            "phases": [phase()],
        }
    )
    data = {
        "classify": TaskDatasets(
            hidden=split(blobs, "hidden", 3, 4), sample=split(blobs, "sample", 2, 4)
        )
    }
    runtime = RuntimeImage(
        name="runtime-cpu",
        image=ImageContent(
            config=file_of(blobs, b'{"runtime": true}'), layers=(file_of(blobs, b"layer"),)
        ),
    )
    model = FolderContent(
        entries=(
            FolderEntry(path="model.json", file=file_of(blobs, b'{"name": "m"}')),
            FolderEntry(path="model.py", file=file_of(blobs, b"class Model: ...")),
        ),
        runtime="runtime-cpu",
    )
    image = ImageContent(
        config=file_of(blobs, b'{"mine": true}'), layers=(file_of(blobs, b"own layer"),)
    )
    card = ModelCard(
        name="m",
        title="A model",
        license="LicenseRef-ours",
        runtime="runtime-cpu",
        tasks=("classify",),
    )
    return Tiny(spec, data, runtime, blobs, model, image, card)


@pytest.fixture
def published(tiny: Tiny, organizer: Person) -> Tiny:
    """The tiny challenge, published by the organizer."""
    answer = tiny.publish(organizer)
    assert answer.status_code == 201, answer.text
    return tiny


@pytest.fixture
def two_tasks(tiny: Tiny, organizer: Person, tiny_phase: Callable[..., dict[str, Any]]) -> Tiny:
    """The tiny challenge with a second task like its first, published by the organizer."""
    task = tiny.spec.tasks[0].model_dump(mode="json")
    both = replace(tiny, data={**tiny.data, "again": tiny.data[task["slug"]]})
    tasks = [task, {**task, "slug": "again"}]
    phase = tiny_phase(tasks=[task["slug"], "again"])
    answer = both.publish(organizer, tasks=tasks, phases=[phase])
    assert answer.status_code == 201, answer.text
    return both


Values = dict[str, dict[str, dict[str, float | None]]]
"""Metric → label → case → value."""


@dataclass(frozen=True)
class Held:
    """A claimed order, and what its holder may say under its token."""

    order: dict[str, Any]
    holder: Person

    @property
    def id(self) -> str:
        return str(self.order["id"])

    @property
    def fence(self) -> int:
        return int(self.order["fence"])

    def say(self, verb: str, **body: Any) -> Any:
        return self.holder.post(f"/work/{self.id}/{verb}", {"fence": self.fence, **body})

    def beat(self, stage: str = "working", **body: Any) -> Any:
        return self.say("heartbeat", stage=stage, **body)

    def get(self, digest: str) -> Any:
        return self.holder.get(f"/work/{self.id}/blobs/{digest}")

    def put(self, content: bytes) -> FileRef:
        ref = FileRef(digest=digest_bytes(content), size=len(content))
        answer = self.holder.request("PUT", f"/work/{self.id}/blobs/{ref.digest}", content=content)
        assert answer.status_code in (200, 201), answer.text
        return ref

    def case(self, case: str, content: bytes | None = b"", outcome: str = "OK") -> Any:
        """Report a case with one output; with None it failed and left no predictions."""
        predictions = {}
        if content is not None and outcome == "OK":
            ref = self.put(content or f"prediction of {case}".encode())
            predictions = {"probabilities": ref.model_dump()}
        return self.say("cases", case=case, outcome=outcome, seconds=0.5, predictions=predictions)

    def complete_run(
        self,
        outcome: str = "OK",
        detail: str = "",
        metadata: dict[str, Any] | None = None,
        **environment: Any,
    ) -> Any:
        machine = {
            "worker": "w",
            "sandbox": "docker",
            "cpu": "A CPU",
            "cpu_count": 2,
            "kernel": "6.1",
            **environment,
        }
        found = {} if metadata is None else {"metadata": metadata}
        return self.say(
            "complete", outcome=outcome, detail=detail, seconds=1.5, environment=machine, **found
        )

    def complete_scores(self, values: Values, **facts: Any) -> Any:
        return self.holder.post(
            f"/work/{self.id}/complete", score_report(self.order, values, **facts)
        )


@dataclass(frozen=True)
class FakeWorker:
    """A worker of both roles that speaks the routes and runs nothing."""

    runner: Person
    scorer: Person

    def ask(self, queue: str = "run.cpu", worker: str = "w", **claim: Any) -> Any:
        person = self.scorer if queue == "score" else self.runner
        return person.post("/work/claim", {"queue": queue, "worker": worker, **claim})

    def claim(self, queue: str = "run.cpu", **claim: Any) -> Held:
        answer = self.ask(queue, **claim)
        assert answer.status_code == 200, answer.text
        order = answer.json()
        return Held(order, Person(self.runner.client, "", "order", order["token"]))

    def run(self, predictions: dict[str, bytes] | None = None, **environment: Any) -> Held:
        """Do the next run to its end; cases that ``predictions`` does not name are answered."""
        held = self.claim()
        if held.order["intake"]:
            assert held.say("intake").status_code == 204
        for case in held.order["cases"]:
            content = (predictions or {}).get(case["id"], b"")
            assert held.case(case["id"], content).status_code == 204
        answer = held.complete_run(**environment)
        assert answer.status_code == 204, answer.text
        return held

    def score(self, values: Values, **facts: Any) -> Held:
        """Do the next scoring to its end."""
        held = self.claim("score")
        answer = held.complete_scores(values, **facts)
        assert answer.status_code == 204, answer.text
        return held


def score_report(
    order: dict[str, Any],
    values: Values,
    lower: tuple[str, ...] = (),
    strata: dict[str, dict[str, float]] | None = None,
    definition: str = "v1",
    lost: tuple[str, ...] = (),
    bca: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return a report of these values, with the draws that a real scoring would make."""
    private = [case for case in order["cases"] if case.get("private")]
    public = [case for case in order["cases"] if not case.get("private")]
    apart = {"private": score_part(order, private, values, strata, lost, bca)} if private else {}
    return {
        "fence": order["fence"],
        **score_part(order, public, values, strata, lost, bca),
        **apart,
        "metrics": {
            metric: {
                "definition_id": f"{metric}.{definition}",
                "unit": "",
                "higher_is_better": metric not in lower,
                "edge_rules": ["none"],
            }
            for metric in values
        },
        "code_digest": digest_bytes(b"code"),
        "libraries": {"numpy": "2"},
    }


def score_part(
    order: dict[str, Any],
    of_part: list[dict[str, Any]],
    values: Values,
    strata: dict[str, dict[str, float]] | None,
    lost: tuple[str, ...],
    bca: tuple[float, float] | None,
) -> dict[str, Any]:
    """Return what a report says of some of the cases."""
    cases = [case["id"] for case in of_part]
    bootstrap = order["bootstrap"]
    weights = draw_weights(
        [f"group {case['group']}" for case in of_part],
        order["inputs_digest"],
        bootstrap["samples"],
        bootstrap["seed"],
    )
    rows, aggregates, levels = [], [], []
    for metric, labels in values.items():
        for label, everywhere in labels.items():
            # A pooled metric has one value, under no case.
            by_case = {
                case: value for case, value in everywhere.items() if case in cases or case is None
            }
            rows += [
                {
                    "case": case,
                    "metric": metric,
                    "label": label,
                    "value": value,
                    "n_items": 4,
                    "flag": "missing" if case in lost else "",
                }
                for case, value in by_case.items()
            ]
            column = np.array([[np.nan if (v := by_case.get(c)) is None else v for c in cases]])
            answered = [value for value in by_case.values() if value is not None]
            aggregates.append(
                {
                    "metric": metric,
                    "label": label,
                    "value": finite(np.mean(answered)) if answered else None,
                    "deviation": finite(np.std(answered, ddof=1)) if len(answered) > 1 else None,
                    "n_used": 4 * len(answered),
                    "n_total": 4 * len(cases),
                    "replicates": base64.b64encode(
                        replicate_means(column, weights)[0].astype("<f8").tobytes()
                    ).decode(),
                    "low": bca and bca[0],
                    "high": bca and bca[1],
                }
            )
            for stratum, by_level in (strata or {}).items():
                levels += [
                    {
                        "metric": metric,
                        "label": label,
                        "stratum": stratum,
                        "level": level,
                        "value": value,
                        "n_used": 4,
                    }
                    for level, value in by_level.items()
                ]
    return {"rows": rows, "aggregates": aggregates, "strata": levels}


def finite(number: Any) -> float | None:
    """Return a number as a real scoring reports it: nothing where it is too large for one."""
    return float(number) if np.isfinite(number) else None


def top1(*values: float | None) -> Values:
    """Return top-1 accuracy of the tiny challenge's cases, in their order."""
    return {"top1": {"mean": {f"c{index}": value for index, value in enumerate(values)}}}


@pytest.fixture(scope="session")
def scores() -> Callable[..., Values]:
    """Make top-1 values of the tiny challenge's cases."""
    return top1


@pytest.fixture
def fake(worker: Callable[[Role], Person]) -> FakeWorker:
    """A worker of both roles."""
    return FakeWorker(worker(Role.RUN), worker(Role.SCORE))


@pytest.fixture
def scored(database: Database, app: FastAPI) -> Callable[[str], None]:
    """Give every run of a submission results and scores, as workers would, and a board with it."""

    def finish(submission_id: str, score: float = 0.75) -> None:
        log = b"seen by the model"
        ref = FileRef(digest=digest_bytes(log), size=len(log))
        with app.state.store.writer(ref) as writer:
            writer.write(log)
            writer.finish()
        with database.writing() as session:
            submission = session.get_one(Submission, submission_id)
            submission.state = "accepted"
            runs = session.exec(select(Run).where(Run.submission_id == submission_id)).all()
            for run in runs:
                run.state, run.cases_done, run.outcome = "succeeded", run.cases_total, "OK"
                run.detail = "two cases of scanner b were hard"
                evaluation = Evaluation(
                    id=new_id(Kind.EVALUATION),
                    run_id=run.id,
                    version=submission.version,
                    state="scored",
                    outcome="OK",
                    inputs_digest="sha256:" + "0" * 64,
                    reference_digest="sha256:" + "0" * 64,
                    metrics={"top1": {"definition_id": "top_k.v1"}},
                )
                session.add(evaluation)
                session.flush()
                session.add(
                    AggregateScore(
                        evaluation_id=evaluation.id,
                        metric="top1",
                        label="all",
                        value=score,
                        n_used=3,
                        n_total=3,
                        replicates=b"",
                    )
                )
                for number in range(run.cases_total):
                    failed = number == 2
                    session.add(
                        CaseResult(
                            run_id=run.id,
                            case_id=f"c{number}",
                            outcome="CRASH" if failed else "OK",
                            detail="KeyError: 'patient-7'" if failed else "",
                            seconds=0.5,
                            predictions={},
                            log=ref.model_dump(mode="json"),
                        )
                    )
                    session.add(
                        Score(
                            evaluation_id=evaluation.id,
                            case_id=f"c{number}",
                            metric="top1",
                            label="all",
                            value=score,
                        )
                    )
            earlier = select(LeaderboardSnapshot).where(
                LeaderboardSnapshot.challenge_id == submission.challenge_id
            )
            board = LeaderboardSnapshot(
                id=new_id(Kind.LEADERBOARD),
                challenge_id=submission.challenge_id,
                version=submission.version,
                phase=submission.phase,
                number=len(session.exec(earlier).all()) + 1,
                head={},
                total_rows=1,
            )
            session.add(board)
            session.flush()
            session.add(
                LeaderboardRow(
                    leaderboard_id=board.id,
                    position=0,
                    submission_id=submission_id,
                    rank=1,
                    body="{}",
                )
            )
            session.commit()

    return finish


LONGEST_WAIT_S = 120


def become_true(condition: Callable[[], bool]) -> None:
    """Wait until something is so that another thread brings about."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        pause.wait(0.01)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so that another thread brings about."""
    return become_true


@pytest.fixture
def served(settings: PlatformSettings) -> Iterator[tuple[FastAPI, int]]:
    """The platform behind a real server, for what happens on a connection."""
    app = create_app(settings, rounds=False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        become_true(lambda: server.started)
        yield app, listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def token_of() -> Callable[[FastAPI], str]:
    """Make a user and return a token of theirs, without a request."""
    return token_of_somebody


def token_of_somebody(app: FastAPI) -> str:
    with app.state.database.writing() as session:
        user = User(id=new_id(Kind.USER), name="somebody")
        session.add(user)
        session.flush()
        token = tokens.mint(session, user_id=user.id).secret
        session.commit()
    return token


@pytest.fixture
def dispatch(database: Database) -> Callable[[], None]:
    """Do once what the outbox asks: boards are made, and no bell is rung."""
    return Dispatcher(database, NoBells(), make_board).once


@pytest.fixture
def two(
    published: Any, fake: Any, person: Any, scores: Any, dispatch: Callable[[], None]
) -> dict[str, str]:
    """Ann .9 before bob .5, both on the board."""
    made = {}
    for name, value in (("ann", 0.9), ("bob", 0.5)):
        made[name] = str(published.enter(person(name)).json()["id"])
        fake.run()
        fake.score(scores(value, value, value))
    dispatch()
    return made
