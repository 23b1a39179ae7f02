"""Other processes do the same work, and say how they ended when they die."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from proctor.spec.outcomes import Code, ParticipantError
from proctor_runner import side_by_side as crew
from proctor_runner.side_by_side import ProcessDiedError, side_by_side


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Start processes after the first, whatever it took."""
    monkeypatch.setattr(crew, "WORTH_S", -1.0)


def elsewhere(work, given, **more):
    """Do one here, and the others in two processes."""
    return [done.made for done in side_by_side(work, given, len(given), 2, **more)]


def test_what_each_comes_to_is_found_whoever_does_it():
    assert sorted(elsewhere(abs, [-3, 1, -2, 5])) == [1, 2, 3, 5]


def test_what_a_script_has_for_its_main_module_is_not_run_again(monkeypatch, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("raise SystemExit('this is not to be run')")
    main = ModuleType("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert sorted(elsewhere(abs, [-1, -2, -3])) == [1, 2, 3]


def test_a_process_that_is_killed_says_by_what_and_at_what():
    kill = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(ProcessDiedError, match="by SIGKILL, most often because memory") as caught:
        elsewhere(exec, ["pass", kill])
    assert caught.value.given == kill


def test_a_process_that_gives_up_says_its_last_words():
    with pytest.raises(ProcessDiedError, match="with exit status 1; it last said: enough"):
        elsewhere(exec, ["pass", "raise SystemExit('enough')"])


def test_a_process_that_takes_too_long_is_stopped():
    with pytest.raises(ProcessDiedError, match="because it was stopped after"):
        elsewhere(time.sleep, [0, 3600], limit_s=0.1)


def test_an_error_comes_back_as_it_is_with_where_it_was():
    complain = (
        "from proctor.spec.outcomes import Code, ParticipantError\n"
        "raise ParticipantError(Code.OOM, 'too large')"
    )
    with pytest.raises(ParticipantError) as caught:
        elsewhere(exec, ["pass", complain])
    assert (caught.value.code, caught.value.detail) == (Code.OOM, "too large")
    assert 'File "<string>", line 2' in "".join(caught.value.__notes__)


def test_an_error_that_cannot_travel_goes_by_its_text():
    odd = "class OddError(Exception): pass\nraise OddError('made here')"
    with pytest.raises(RuntimeError, match="OddError: made here"):
        elsewhere(exec, ["pass", odd])


def test_who_looks_on_is_told_how_many_are_done_and_can_end_all():
    told = []
    elsewhere(abs, [1, 2, 3], look=told.append)
    assert (told[0], told[-1]) == (0, 3)

    def stop(done):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        elsewhere(abs, [1, 2, 3], look=stop)


def test_no_process_is_left_by_who_looks_away():
    before = children()
    made = side_by_side(abs, [1, 2, 3, 4], 4, 2)
    assert {next(made).made, next(made).made} < {1, 2, 3, 4}
    assert {next(made).made, next(made).made} < {1, 2, 3, 4}
    assert children() - before
    made.close()
    assert children() <= before


def children():
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
