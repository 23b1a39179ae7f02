"""What a served image of another system says of itself is shown, or told and passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proctor_runner.serving.shown import foreign_card

UNREADABLE = {"input": {"format": ["application/no-such-format"], "dim_limits": []}, "output": []}


def config(io: object) -> str:
    meta = {"name": "net", "task": "Classification"}
    return json.dumps({"id": "x", "meta": meta, "publication": {}, "model": {"io": io}})


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", config(UNREADABLE)], ids=["too-deep", "no-json", "unknown-format"]
)
def test_a_config_that_cannot_be_shown_is_told_and_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    told: list[str] = []
    assert foreign_card(tmp_path, "net", told.append).document == {"name": "net"}
    assert "config.json says nothing that can be shown" in " ".join(told)
