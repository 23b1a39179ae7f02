"""Ids are told apart by all, guessed by nobody, and sorted by when they were made."""

from __future__ import annotations

import time

import pytest

from proctor.spec.identifiers import Kind, new_id


def test_ids_of_one_moment_and_of_a_clock_set_back_are_in_the_order_they_were_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    present_ns = time.time_ns()
    for moment_ns in (present_ns, present_ns + 1_000_000, present_ns):
        monkeypatch.setattr(time, "time_ns", lambda moment_ns=moment_ns: moment_ns)
        made += [new_id(Kind.RUN) for _ in range(100)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {len("run_") + 26}
