from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proctor.spec.registry import ModelList, ModelView


@pytest.fixture
def enter(tiny: Any, fake: Any, scores: Any, dispatch: Callable[[], None]) -> Callable[..., str]:
    """Enter a model whose card has some changes, score it, and have boards made."""

    def one(
        who: Any, score: float = 0.7, *, content: Any = None, metadata: Any = None, **card: Any
    ) -> str:
        changed = type(tiny.card).model_validate({**tiny.card.model_dump(mode="json"), **card})
        entered = replace(tiny, card=changed, model=content or tiny.model).enter(who)
        assert entered.status_code == 201, entered.text
        fake.run(metadata=metadata)
        fake.score(scores(score, score, score))
        dispatch()
        return str(entered.json()["id"])

    return one


@pytest.fixture
def listed() -> Callable[..., list[str]]:
    """Return the ids of the models that somebody finds."""

    def ask(who: Any, **query: Any) -> list[str]:
        answer = who.get("/models", params=query)
        assert answer.status_code == 200, answer.text
        return [model.id for model in ModelList.model_validate_json(answer.content).items]

    return ask


@pytest.fixture
def page() -> Callable[[Any, str], ModelView]:
    """Return the page of a model as somebody sees it."""

    def ask(who: Any, model_id: str) -> ModelView:
        answer = who.get(f"/models/{model_id}")
        assert answer.status_code == 200, answer.text
        return ModelView.model_validate_json(answer.content)

    return ask
