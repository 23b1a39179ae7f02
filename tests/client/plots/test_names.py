"""Strangers' names in plots: shown letter by letter, short, and never read as anything."""

from __future__ import annotations

import pytest

from proctor.plots.names import escaped, labels, shortened


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("$x^2$", "&#36;x^2&#36;"),
        ("two\nlines\x00", "two lines"),
        ("\u202eevil", "evil"),
        ('"quoted"', '"quoted"'),
        ("  ", "(no name)"),
    ],
)
def test_a_name_is_shown_letter_by_letter(name: str, shown: str) -> None:
    assert escaped(name) == shown


def test_a_long_name_keeps_its_ends() -> None:
    assert shortened("nnU-Net residual encoder L, fold 4", 18) == "nnU-Net res…fold 4"


def test_letters_of_double_width_count_twice() -> None:
    assert shortened("日本語の名前がとても長い", 12) == "日本語…長い"


def test_a_name_is_shortened_before_it_is_escaped() -> None:
    assert labels(["<" * 40], letters=6) == ["&lt;" * 3 + "…" + "&lt;" * 2]


def test_names_that_are_alike_when_short_get_their_number() -> None:
    names = ["ensemble of five, variant A, v1", "ensemble of five, variant B, v1", "other"]
    assert len(set(labels(names))) == 3
    assert labels(names)[2] == "other"
