"""Where people look at a model."""

from __future__ import annotations


def page_of(dashboard: str, submission_id: str) -> str:
    """Return the address of a model's page, empty where there is no dashboard."""
    return f"{dashboard}/model?id={submission_id}" if dashboard else ""
