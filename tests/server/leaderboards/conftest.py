from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctor.spec.leaderboard import Leaderboard

BOARD = "/challenges/tiny/phases/main/leaderboard"


@pytest.fixture
def enter(fake: Any, tiny: Any) -> Callable[..., str]:
    """Enter, run and score a submission."""

    def one(who: Any, values: Any, **options: Any) -> str:
        fields = options.pop("fields", {})
        answer = tiny.enter(who, **fields)
        assert answer.status_code == 201, answer.text
        fake.run(**options.pop("environment", {}))
        fake.score(values, **options)
        return str(answer.json()["id"])

    return one


@pytest.fixture
def publish(tiny: Any, organizer: Any, tiny_phase: Any) -> Callable[..., None]:
    """Publish the tiny challenge with changes to its phase, and others under ``challenge``."""

    def one(challenge: dict[str, Any] | None = None, **phase: Any) -> None:
        answer = tiny.publish(organizer, phases=[tiny_phase(**phase)], **(challenge or {}))
        assert answer.status_code in (200, 201), answer.text

    return one


@pytest.fixture
def board(anonymous: Any, dispatch: Callable[[], None]) -> Callable[..., Leaderboard]:
    """Have boards made, and return the newest as everybody sees it."""

    def one() -> Leaderboard:
        dispatch()
        answer = anonymous.get(BOARD)
        assert answer.status_code == 200, answer.text
        return Leaderboard.model_validate_json(answer.content)

    return one
