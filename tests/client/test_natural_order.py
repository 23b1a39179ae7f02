"""Names in the order in which people count."""

from __future__ import annotations

from proctor.spec.natural_order import natural_key


def test_case_2_comes_before_case_11_whatever_else_is_in_their_names() -> None:
    names = ["case-11", "b2", "case-2", "2", "case-2a", "", "10", "case-02", "a"]
    assert sorted(names, key=natural_key) == [
        "", "2", "10", "a", "b2", "case-02", "case-2", "case-2a", "case-11",
    ]  # fmt: skip
