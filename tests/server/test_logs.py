"""What the platform logs holds no local variable: one may be a token."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import structlog

from proctor_platform import logs


@pytest.fixture(autouse=True)
def own_configuration() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_traceback_shows_no_local_variables(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    logs.configure()
    token = "-".join(["tok", "secret"])
    try:
        raise ValueError(f"a token of {len(token)} characters")
    except ValueError:
        structlog.get_logger().exception("request_failed")
    said = capsys.readouterr().err
    assert "a token of 10 characters" in said
    assert token not in said
