"""A worker that hosts models and runs none, and people who ask while it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from proctor.spec.work import Role
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.hosting.tables import Deployment, Hosting
from proctor_platform.hosting.upkeep import keep_up
from proctor_platform.settings import PlatformSettings


@dataclass(frozen=True)
class HeldHosting:
    """A claimed order to host, and what its holder may say."""

    order: dict[str, Any]
    holder: Any

    @property
    def id(self) -> str:
        return str(self.order["id"])

    def say(self, verb: str, **body: Any) -> Any:
        path = f"/work/{self.id}/{verb}"
        return self.holder.post(path, {"fence": self.order["fence"], **body})

    def beat(self, stage: str = "serving") -> Any:
        return self.say("heartbeat", stage=stage)

    def take(self, wait_s: float = 0) -> Any:
        return self.say("questions", wait_s=wait_s)

    def body(self, question: dict[str, Any]) -> bytes:
        found = self.holder.get(f"/work/{self.id}/questions/{question['id']}/body")
        assert found.status_code == 200, found.text
        return bytes(found.content)

    def answer(self, question: dict[str, Any], content: bytes = b"{}", **head: Any) -> Any:
        said = {"status": 200, "media_type": "application/json", **head}
        path = f"/work/{self.id}/questions/{question['id']}/answer"
        return self.holder.request("PUT", path, content=content, params=said)

    def next_question(self) -> dict[str, Any]:
        """Return the next question once there is one."""
        for _ in range(30):
            turn = self.take(1).json()
            if turn["question"]:
                return dict(turn["question"])
        raise AssertionError("nobody asked")


@dataclass(frozen=True)
class FakeHost:
    """A worker of the role ``host``."""

    worker: Any

    def ask(self, name: str = "h") -> Any:
        return self.worker.post("/work/claim", {"queue": "host", "worker": name})

    def claim(self, name: str = "h") -> HeldHosting:
        answer = self.ask(name)
        assert answer.status_code == 200, answer.text
        order = answer.json()
        holder = type(self.worker)(self.worker.client, "", "order", order["token"])
        return HeldHosting(order, holder)

    def serve(self) -> HeldHosting:
        """Claim what waits and say that it serves."""
        held = self.claim()
        assert held.beat().status_code == 200
        return held


@pytest.fixture
def host(worker: Callable[[Role], Any]) -> FakeHost:
    return FakeHost(worker(Role.HOST))


@pytest.fixture
def settings(settings: PlatformSettings) -> PlatformSettings:
    return settings.model_copy(update={"hosted_most": 3, "hosted_answer_s": 60})


@pytest.fixture
def owner(person: Callable[[str], Any]) -> Any:
    return person("ann")


@pytest.fixture
def model(published: Any, owner: Any, fake: Any, scores: Any, dispatch: Callable[[], None]) -> str:
    """A public model of the owner's: it stands on an open board."""
    submission = str(published.enter(owner).json()["id"])
    fake.run()
    fake.score(scores(0.9, 0.9, 0.9))
    dispatch()
    return submission


@pytest.fixture
def better(
    model: str, published: Any, owner: Any, fake: Any, scores: Any, dispatch: Callable[[], None]
) -> str:
    """A later version of it."""
    submission = str(published.enter(owner).json()["id"])
    fake.run()
    fake.score(scores(0.95, 0.95, 0.95))
    dispatch()
    return submission


@pytest.fixture
def deployed(owner: Any, model: str) -> dict[str, Any]:
    """The deployment of the owner's model, which waits for a worker."""
    made = owner.post("/deployments", {"submission": model})
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Future[Any]]]:
    """Do something meanwhile."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


@pytest.fixture
def look(database: Database, settings: PlatformSettings) -> Callable[[], None]:
    """Have the platform look once after its hosted models."""
    return lambda: keep_up(database, settings)


@pytest.fixture
def forget_time(database: Database) -> Callable[[], None]:
    """Let nobody have asked for a day, and every lease have lapsed that is not renewed."""

    def forget() -> None:
        with database.writing() as session:
            session.execute(update(Deployment).values(asked_at=now(-86_400)))
            serving = col(Hosting.serving_at).is_not(None)
            session.execute(update(Hosting).where(serving).values(serving_at=now(-86_400)))
            session.commit()

    return forget


@pytest.fixture
def lose_leases(database: Database) -> Callable[[], None]:
    """Let every lease lapse."""

    def lose() -> None:
        with database.writing() as session:
            session.execute(update(Hosting).values(lease_until=now(-1)))
            session.commit()

    return lose


@pytest.fixture
def states(database: Database) -> Callable[[], list[str]]:
    """Return the states of all versions that were ever hosted, the first first."""

    def look() -> list[str]:
        with database.reading() as session:
            return list(session.exec(select(Hosting.state).order_by(col(Hosting.id))))

    return look
