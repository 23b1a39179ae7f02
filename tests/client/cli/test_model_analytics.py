"""The table of scores and architectures, asked for portion by portion."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from proctor.cli import model_analytics

LINES = ("sub_1,0.5\nsub_1,0.6\n", "", "sub_3,0.9\n")
"""What there is to say of three models; the second is on no board."""


class Platform:
    def analytics(self, filters: Any, offset: int, limit: int) -> tuple[str, int]:
        return "submission,value\n" + "".join(LINES[offset : offset + limit]), len(LINES)


def test_models_behind_one_that_no_board_has_are_in_the_table(
    proctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_analytics, "connect", lambda _host: nullcontext(Platform()))
    monkeypatch.setattr(model_analytics, "_PORTION", 1)
    said = proctor("models", "analytics")
    assert said.out == "submission,value\nsub_1,0.5\nsub_1,0.6\nsub_3,0.9\n"
    assert "3 scores of 2 models." in said.err
