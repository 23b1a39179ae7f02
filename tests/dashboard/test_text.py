"""How numbers are written, and how Markdown of strangers is made harmless."""

from __future__ import annotations

import pytest

from proctor.plots.numbers import number
from proctor_dashboard.text import literal, memory, prose, seconds


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0"),
        (0.98765, "0.9877"),
        (0.0123456, "0.0123"),
        (12.3456, "12.35"),
        (1234.5, "1234"),
        (-0.5, "-0.5000"),
    ],
)
def test_scores_are_written_with_four_digits(value: float | None, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.0004, "< 1 ms"),
        (0.0043, "4 ms"),
        (0.1, "0.10 s"),
        (1.234, "1.23 s"),
        (59.6, "60 s"),
        (125, "2 min 05 s"),
        (1800, "30 min"),
    ],
)
def test_durations_are_written_for_people(value: float | None, written: str) -> None:
    assert seconds(value) == written


def test_memory_is_written_in_mib() -> None:
    assert memory(3 << 20) == "3 MiB"


def test_pictures_in_markdown_lose_their_power_to_call_home() -> None:
    shown = prose("Look ![here](http://tracker.example/p.png) and ![there][1]\n\n[1]: http://x/y\n")
    assert "![" not in shown
    assert "http://x/y" not in shown
    assert "[here](http://tracker.example/p.png)" in shown


@pytest.mark.parametrize("signs", ["!!", "!!!", "a!!"])
def test_a_picture_behind_more_signs_is_a_link_too(signs: str) -> None:
    assert "![" not in prose(f"{signs}[here](http://tracker.example/p.png)")


def test_a_strangers_title_is_shown_letter_by_letter() -> None:
    assert literal("![x](y) :red[z] $a$") == r"\!\[x\]\(y\) \:red\[z\] \$a\$"
