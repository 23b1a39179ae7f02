"""What Hypothesis draws is the same in every run: alone, in any order, on a busy machine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st


def drawn() -> list[int]:
    seen: list[int] = []

    @given(st.integers(0, 1 << 40))
    def look(number: int) -> None:
        seen.append(number)

    look()
    return seen


def test_examples_are_the_same_whatever_was_loaded_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = drawn()
    (tmp_path / "more.py").write_text(f"NUMBERS = {[7_000_000 + n for n in range(500)]}")
    found = importlib.util.spec_from_file_location("more", tmp_path / "more.py")
    assert found is not None
    assert found.loader is not None
    more = importlib.util.module_from_spec(found)
    found.loader.exec_module(more)
    monkeypatch.setitem(sys.modules, "more", more)
    assert len(set(before)) > 50
    assert drawn() == before
