"""`proctor doctor`, as a person and as a program see it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from proctor.cli.app import app
from proctor_runner.doctor import examination
from proctor_runner.doctor.findings import Finding, Standing

GOOD = Finding("memory", Standing.ENFORCED, "stopped")
BAD = Finding("vsock", Standing.NOT_ENFORCED, "open", "Apply the profile.")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    def asked(found: list[Finding], *arguments: str):
        monkeypatch.setattr(examination, "examine_docker", lambda state, runtime: found)
        return CliRunner().invoke(app, ["doctor", *arguments])

    return asked


def test_a_host_with_everything_ends_with_0(asked) -> None:
    result = asked([GOOD])

    assert result.exit_code == 0
    assert "may run models of others" in result.stderr


def test_what_is_not_enforced_ends_with_1_and_says_what_to_do(asked) -> None:
    result = asked([GOOD, BAD], "--format", "json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)[1] == {
        "name": "vsock",
        "standing": "not enforced",
        "found": "open",
        "advice": "Apply the profile.",
    }
    assert "Apply the profile." in asked([BAD]).stderr


def test_the_process_sandbox_is_never_good_enough(asked) -> None:
    assert asked([], "--sandbox", "process").exit_code == 1
    assert asked([], "--sandbox", "none").exception is not None
