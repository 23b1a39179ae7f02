"""Any JSON in one spelling, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctor_runner.decode.document import document_of, read_document
from proctor_runner.decode.errors import InvalidOutputError


def test_two_files_that_say_the_same_become_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for text in ('{"b": [1, 2.5], "a": "Z\\u00fcrich"}', ' {"a":"Zürich",\n"b":[1,2.50]}'):
        (tmp_path / "a.json").write_text(text, "utf-8")
        found.append(read_document(tmp_path / "a.json", "a.json"))
    assert found[0].tobytes() == found[1].tobytes() == b'{"a":"Z\\u00fcrich","b":[1,2.5]}'
    assert document_of(found[0]) == {"a": "Zürich", "b": [1, 2.5]}


def test_a_document_may_be_as_deep_as_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100 + "]" * 100)
    assert document_of(read_document(tmp_path / "a.json", "a.json"))
    (tmp_path / "a.json").write_text('["\\ud83d\\ude00"]')
    assert document_of(read_document(tmp_path / "a.json", "a.json")) == ["\U0001f600"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[1e999]", "is no JSON"),
        ("NaN", "NaN is not a JSON number"),
        ('{"a": 1, "a": 2}', "a key is given twice"),
        ("9" * 100, "a number has 100 digits"),
        ("[" * 100_000, "nested too deeply"),
        # Who decodes could read these, and who scores, deep in calls of its own, could not.
        ("[" * 800 + "]" * 800, "nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
        ('["\\ud800"]', "can't encode character"),
        ('{"\\udfff": 1}', "can't encode character"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InvalidOutputError, match=words):
        read_document(tmp_path / "a.json", "a.json")


def test_a_document_has_an_end_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctor_runner.decode.document.MOST_DOCUMENT_BYTES", 20)
    (tmp_path / "a.json").write_text('"' + "x" * 30 + '"')
    with pytest.raises(InvalidOutputError, match="more than 20 bytes"):
        read_document(tmp_path / "a.json", "a.json")
    (tmp_path / "a.json").write_text('"ääääää"', "utf-8")
    with pytest.raises(InvalidOutputError, match="takes 38 bytes in ASCII"):
        read_document(tmp_path / "a.json", "a.json")
