"""Defects that the oracle must see, patched into a platform that is about to start."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from proctor_platform import transitions
from proctor_platform.work import claims, endings, failures, holding, reports


def without_a_fence() -> None:
    """Let whoever once had a piece of work report on it for ever, whatever has become of it."""
    fenced = transitions.move

    def held(session: Session, work_id: str, fence: int) -> Any:
        return holding.find(session, work_id) or holding.refuse(session, work_id, fence)

    def move(*arguments: Any, fence: int | None = None, **options: Any) -> bool:
        return fenced(*arguments, **options)

    transitions.sources_of = lambda target: frozenset(type(target))
    endings.ended_by = lambda *_: False
    for module in (claims, endings, failures, reports):
        module.move = move
        if hasattr(module, "held"):
            module.held = held
