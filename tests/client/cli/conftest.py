"""Runs the command in this process, in an environment of its own."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from proctor.cli import main

TOKEN = "tok_0123456789abcdefghjkmnpqrs.thesecretpartthatnobodymaysee"


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def alone(monkeypatch, tmp_path) -> Path:
    """Give the command no configuration but what the test writes."""
    for name in ("PROCTOR_HOST", "PROCTOR_TOKEN", "PROCTOR_DEBUG", "PROCTOR_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROCTOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "dumb")
    return tmp_path


@pytest.fixture
def proctor(alone, capsys):
    def run(*arguments: object) -> Ended:
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        assert "\nTraceback" not in f"\n{said.err}"
        return Ended(int(code), said.out, said.err)

    return run


@pytest.fixture
def logged_in(platform, alone, monkeypatch):
    monkeypatch.setenv("PROCTOR_HOST", platform.url)
    monkeypatch.setenv("PROCTOR_TOKEN", TOKEN)
    return platform


@pytest.fixture
def challenge_view() -> dict:
    """A challenge with one phase and one task, as its readers see it."""
    return {
        "challenge": {
            "schema": 1,
            "slug": "digits",
            "title": "Digits",
            "text": "Words.",
            "runtimes": ["runtime-cpu"],
            "tasks": [
                {
                    "slug": "classify",
                    "title": "Classify",
                    "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
                    "outputs": {"p": {"type": "table", "file": "p.csv", "columns": ["0", "1"]}},
                    "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
                    "labels": {"0": "zero", "1": "one"},
                    "data": {
                        "hidden": {"inputs": "", "reference": ""},
                        "sample": {"inputs": "", "reference": ""},
                    },
                    "metrics": [
                        {"id": "top1", "name": "accuracy", "output": "p", "reference": "labels"}
                    ],
                    "primary": "top1",
                }
            ],
            "phases": [
                {
                    "slug": "main",
                    "title": "Main",
                    "tasks": ["classify"],
                    "opens_at": "2026-01-01T00:00:00Z",
                    "closes_at": "2036-01-01T00:00:00Z",
                }
            ],
        },
        "version": 2,
        "published_at": "2026-03-01T12:00:00Z",
        "organizers": ["olga"],
        "tasks": {
            "classify": {
                "hidden_cases": 4,
                "hidden_items": 40,
                "sample_cases": 2,
                "inputs_digest": "sha256:" + "1" * 64,
                "reference_digest": "sha256:" + "2" * 64,
            }
        },
        "runtimes": {},
        "joined": True,
        "organizer": False,
    }
