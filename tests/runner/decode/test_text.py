"""Texts that are right, and what a hostile file may hold in their place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proctor_runner.canonical import CanonicalArray, is_canonical
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.text import (
    MOST_TEXT_BYTES,
    most_bytes,
    pack_texts,
    read_texts,
    unpack_texts,
)


def read(tmp_path: Path, content: bytes, items: int, name: str = "p.json") -> tuple[str, ...]:
    path = tmp_path / name
    path.write_bytes(content)
    return unpack_texts(read_texts(path, name, items), items)


@pytest.mark.parametrize(
    "texts", [["a"], ["", ""], ["Zürich 🏔", "line\nbreak", "\x00\u2028", "x" * MOST_TEXT_BYTES]]
)
def test_texts_come_out_as_they_went_in(tmp_path: Path, texts: list[str]) -> None:
    for escaped in (True, False):
        content = json.dumps(texts, ensure_ascii=escaped).encode()
        assert read(tmp_path, content, len(texts)) == tuple(texts)


def test_a_plain_file_is_the_one_text(tmp_path: Path) -> None:
    assert read(tmp_path, b'\xef\xbb\xbf["not", "json"]\n', 1, "p.txt") == ('["not", "json"]\n',)


def test_a_plain_file_is_utf8(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutputError, match=r"p.txt is not UTF-8 text \(byte 1\)"):
        read(tmp_path, b"a\xff", 1, "p.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "p.json is no JSON: Expecting value"),
        (b'["a", "b"', "p.json is no JSON: "),
        (b'["a"]', "p.json has 1 texts; expected 2, one an item."),
        (b'["a", "b", "c"]', "p.json has 3 texts; expected 2, one an item."),
        (b'{"a": "b"}', "p.json holds a JSON object; expected an array of strings"),
        (b'"ab"', "p.json holds a JSON string"),
        (b'["a", 7]', "p.json item 2 is a JSON number; expected a string."),
        (b'["a", 7.5]', "p.json item 2 is a JSON number"),
        (b'["a", NaN]', "p.json is no JSON: NaN is not a JSON number."),
        (b'[null, "b"]', "p.json item 1 is a JSON null"),
        (b'["a", ["b"]]', "p.json item 2 is a JSON array"),
        (b'["a", "\xff"]', "p.json is no JSON: 'utf-8' codec"),
        (b'["a", "b\\ud800"]', "p.json item 2 holds half a surrogate pair (character 1)"),
        (b"[" * 100_000, "p.json is no JSON: it is nested too deeply."),
        (b"[" + b"9" * 5000 + b', "b"]', "p.json is no JSON: a number has 5000 digits."),
        (
            json.dumps(["a", "x" * (MOST_TEXT_BYTES + 1)]).encode(),
            f"p.json item 2 has {MOST_TEXT_BYTES + 1} bytes of UTF-8; expected at most 65536.",
        ),
        (b'["a", "b"]' + b" " * 200_000, "p.json has 200010 bytes; 2 texts have at most 132112."),
    ],
)
def test_what_are_no_texts_is_refused_with_item_and_rule(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        read(tmp_path, content, 2)
    assert str(caught.value).startswith(said)


def test_a_million_items_may_not_take_a_terabyte() -> None:
    assert most_bytes(1_000_000) == 16 * 2**20


@pytest.mark.parametrize(
    "packed",
    [
        np.zeros(15, np.uint8),
        np.frombuffer(np.array([2, 1], "<i8").tobytes() + b"ab", np.uint8),
        np.frombuffer(np.array([1, 9], "<i8").tobytes() + b"ab", np.uint8),
        np.frombuffer(np.array([-1, 2], "<i8").tobytes() + b"ab", np.uint8),
        np.frombuffer(np.array([1, 2], "<i8").tobytes() + b"a\xff", np.uint8),
    ],
)
def test_an_array_that_lies_about_its_texts_is_refused(packed: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"texts|utf-8"):
        unpack_texts(packed, 2)


@pytest.mark.parametrize(
    ("array", "right"),
    [
        (pack_texts([b"ab", b"c"]), True),
        (np.zeros(100, np.uint8), True),
        (np.zeros(101, np.uint8), False),
        (np.zeros(10, np.int8), False),
        (np.zeros((2, 5), np.uint8), False),
    ],
)
def test_the_host_takes_no_more_bytes_than_texts_may_have(
    tmp_path: Path, array: np.ndarray, right: bool
) -> None:
    path = tmp_path / "p.npy"
    np.save(path, array)
    expected = CanonicalArray(path, {}, "p.npy", (100,), (np.dtype(np.uint8),), shorter=True)
    assert is_canonical(path, expected) is right
