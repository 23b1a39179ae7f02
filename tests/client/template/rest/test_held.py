"""What is small stays in memory, and is a file for whoever needs one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proctor.template.rest.folder_pool import FolderPool
from proctor.template.rest.settings import Settings

TEXT = {"text": {"type": "text"}}
WORD = {"word": {"type": "text"}}
UPPER = "class Model:\n def predict(self, inputs):\n  return inputs['text'].upper()\n"
LOOKS = """
class Model:
    def preprocess(self, inputs, case):
        return case.inputs["text"].path

    def predict(self, path):
        return path.read_text() + " in " + path.name
"""
LARGE = "a" * 300_000


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no file system in memory, so that what is written can be seen."""
    monkeypatch.setattr(FolderPool, "in_memory", classmethod(lambda _: None))


def folders(running: Any) -> list[Path]:
    return list((running.service.scratch / "requests").iterdir())


@pytest.mark.usefixtures("on_disk")
def test_a_small_input_is_answered_without_any_file(serve: Any) -> None:
    running = serve(UPPER, TEXT, WORD)
    ways: list[dict[str, Any]] = [
        {"files": {"text": b"four"}},
        {"json": {"text": "four"}},
        {"json": {"text": ["four"]}},
        {"content": b"four", "headers": {"Content-Type": "text/plain"}},
    ]

    answers = [running.client.post("/predict", **way).json() for way in ways]

    assert [answer["outputs"]["word"]["value"] for answer in answers] == [["FOUR"]] * 4
    assert folders(running) == []


@pytest.mark.usefixtures("on_disk")
def test_a_large_input_is_a_file_from_the_beginning(serve: Any) -> None:
    running = serve(UPPER, TEXT, WORD)

    answer = running.client.post("/predict", files={"text": LARGE.encode()}).json()

    assert answer["outputs"]["word"]["value"] == [LARGE.upper()]
    (folder,) = folders(running)
    assert list(folder.iterdir()) == [], "it ends with its request"


@pytest.mark.usefixtures("on_disk")
def test_a_model_that_looks_for_the_file_of_a_small_input_finds_it(serve: Any) -> None:
    running = serve(LOOKS, TEXT, WORD, settings=Settings(most_waiting=100))

    for answer in (
        running.client.post("/predict", files={"text": ("a.txt", b"four")}).json(),
        running.client.post("/predict", json={"text": "four"}).json(),
    ):
        assert answer["outputs"]["word"]["value"] == ["four in text.txt"]
    batch = running.client.post("/predict", json={"text": ["one", "two", "three"]}).json()
    assert [one["outputs"]["word"]["value"] for one in batch] == [
        [f"{word} in text.txt"] for word in ("one", "two", "three")
    ]
    (folder,) = folders(running)
    assert list(folder.iterdir()) == []
