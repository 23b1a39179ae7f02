from __future__ import annotations

import json

import numpy as np
import pytest

from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.desk import StoppedError
from proctor_runner.run_work import run_cases
from proctor_runner.sandbox.interface import Ending, Program
from proctor_runner.sandbox.sentences import exit_words


@pytest.fixture
def run(fakes, desk, tmp_path):
    """Run an order and give what came of it."""

    def run(answer=fakes.good, order=None, decoder=None, **bench):
        sandbox = fakes.Sandbox(answer)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        outcome = run_cases(
            order or fakes.order(desk),
            Program(),
            desk,
            fakes.bench(scratch, sandbox, decoder or fakes.Sandbox(), **bench),
        )
        assert not list(scratch.iterdir()), "an attempt leaves its scratch folder empty"
        return outcome, sandbox

    return run


def test_every_case_is_reported_once_with_what_decoding_made_of_it(run, desk):
    outcome, _ = run()
    assert (outcome.code, outcome.model_s) == (Code.OK, 4.0)
    assert sorted(desk.reports) == [f"patient-{number}" for number in range(4)]
    for report in desk.reports.values():
        assert report.outcome is Code.OK
        assert (report.seconds, report.peak_memory_bytes, report.exit_code) == (1.0, 1000, 0)
        array = np.load(desk.fetch(report.predictions["scores"]), allow_pickle=False)
        assert array.tolist() == [[0.9, 0.1], [0.2, 0.8]]
        assert desk.fetch(report.log).read_bytes() == b"hello\n"
    assert desk.said[-1] == ("running", 4, 4)


def test_a_container_learns_the_alias_and_nothing_of_the_case(run, fakes):
    _, sandbox = run()
    assert [job.part for job in sandbox.jobs] == ["x6", "x7", "x8", "x9"]
    for job in sandbox.jobs:
        assert fakes.case_document(job)["case"] == job.part
        assert set(job.inputs) == {"rows.npy"}
        seen = b"".join(job.documents.values()) + json.dumps(sorted(job.inputs)).encode()
        assert b"patient" not in seen


@pytest.mark.parametrize(
    ("ending", "exit_code", "expected"),
    [
        (Ending.EXITED, 3, Code.CRASH),
        (Ending.TIMEOUT, None, Code.TIMEOUT),
        (Ending.OUT_OF_MEMORY, 137, Code.OOM),
        (Ending.OUT_OF_MEMORY, 0, Code.OOM),
        (Ending.OUTPUT_LIMIT, None, Code.OUTPUT_LIMIT),
    ],
)
def test_a_case_that_ends_badly_is_lost_alone(run, fakes, desk, ending, exit_code, expected):
    def answer(job, cancelled):
        if job.part == "x7":
            return fakes.leave(job, {}, ending, exit_code, detail="So it ended.")
        return fakes.good(job, cancelled)

    outcome, _ = run(answer)
    lost = desk.reports["patient-2"]
    assert (lost.outcome, lost.predictions) == (expected, {})
    assert lost.detail in {"So it ended.", "The model ended with exit status 3."}
    assert outcome.code is Code.OK
    others = {report.outcome for case, report in desk.reports.items() if case != "patient-2"}
    assert others == {Code.OK}


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        ({}, Code.MISSING_OUTPUT, "scores.csv"),
        ({"score.csv": b"a,b\n1,0\n0,1\n"}, Code.MISSING_OUTPUT, "scores.csv"),
        ({"scores.csv": b"a,b\n1,0\n"}, Code.INVALID_OUTPUT, "1"),
        ({"scores.csv": b"a,b\n1,nan\n0,1\n"}, Code.INVALID_OUTPUT, "nan"),
        ({"scores.csv": b"a,c\n1,0\n0,1\n"}, Code.INVALID_OUTPUT, "c"),
    ],
)
def test_a_case_with_a_bad_output_is_lost_with_a_sentence(run, fakes, desk, files, expected, said):
    def answer(job, cancelled):
        if job.part == "x6":
            return fakes.leave(job, files)
        return fakes.good(job, cancelled)

    outcome, _ = run(answer)
    assert desk.reports["patient-3"].outcome is expected
    assert said in desk.reports["patient-3"].detail
    assert outcome.code is Code.OK


def test_a_second_attempt_does_only_the_missing_cases(run, fakes, desk):
    whole = fakes.order(desk)
    order = whole.model_copy(update={"cases": whole.cases[2:], "seconds_used": 40.0, "fence": 2})
    outcome, sandbox = run(order=order)
    assert [job.part for job in sandbox.jobs] == ["x6", "x7"]
    assert {report.fence for report in desk.reports.values()} == {2}
    assert desk.said[-1] == ("running", 4, 4)
    assert outcome.model_s == 42.0


def test_time_of_earlier_attempts_counts_against_the_total(run, fakes, desk):
    limits = Limits(case_s=10, total_s=21.5)
    order = fakes.order(desk, limits=limits, seconds_used=20.0)
    outcome, sandbox = run(order=order)
    assert [job.timeout_s for job in sandbox.jobs] == [1.5, 0.5]
    outcomes = [desk.reports[f"patient-{number}"].outcome for number in (3, 2, 1, 0)]
    assert outcomes == [Code.OK, Code.OK, Code.TOTAL_TIMEOUT, Code.TOTAL_TIMEOUT]
    assert outcome.code is Code.OK


def test_a_case_cut_off_by_the_total_is_not_called_too_slow_for_one_case(run, fakes, desk):
    def answer(job, cancelled):
        return fakes.leave(job, {}, Ending.TIMEOUT, None, seconds=job.timeout_s)

    order = fakes.order(desk, cases=1, limits=Limits(case_s=10, total_s=4))
    outcome, _ = run(answer, order=order)
    assert desk.reports["patient-0"].outcome is Code.TOTAL_TIMEOUT
    assert outcome.code is Code.TOTAL_TIMEOUT


def test_a_model_that_cannot_start_fails_the_run_at_its_first_case(run, fakes):
    def answer(job, cancelled):
        return fakes.leave(job, {}, Ending.START_FAILED, None, detail="No such entrypoint.")

    outcome, sandbox = run(answer)
    assert (outcome.code, outcome.detail) == (Code.START_FAILED, "No such entrypoint.")
    assert len(sandbox.jobs) == 1


def test_a_run_whose_every_case_fails_has_failed_and_says_how(run, fakes, desk):
    def answer(job, cancelled):
        return fakes.leave(job, {}, exit_code=139)

    outcome, _ = run(answer)
    assert outcome.code is Code.CRASH
    assert "All 4 cases failed alike: " in outcome.detail
    assert "SIGSEGV" in outcome.detail
    assert len(desk.reports) == 4


def test_a_stop_ends_the_sandbox_and_reports_nothing_more(run, fakes, desk):
    asked = []

    def answer(job, cancelled):
        asked.append(cancelled())
        desk.stop.set()
        asked.append(cancelled())
        return fakes.leave(job, {}, Ending.CANCELLED, None)

    with pytest.raises(StoppedError):
        run(answer)
    assert asked == [False, True]
    assert desk.reports == {}


def test_a_failure_of_ours_in_decoding_stops_the_model_and_is_not_charged(run, fakes, desk):
    class Broken(fakes.Sandbox):
        def run(self, job, cancelled):
            raise PlatformError(Code.DECODE_FAILED, "the disk is full")

    with pytest.raises(PlatformError, match="the disk is full"):
        run(order=fakes.order(desk, cases=9), decoder=Broken(), decode_cases=1)
    assert desk.reports == {}


def test_cases_are_decoded_together(run, fakes):
    decoder = fakes.Sandbox()
    run(decoder=decoder, decode_cases=3)
    sizes = [len(json.loads(job.documents["decode.json"])["cases"]) for job in decoder.jobs]
    assert sizes == [3, 1]


def test_a_signal_number_is_no_exit_status_of_ours():
    assert exit_words(1) == "exit status 1"
    assert exit_words(137) == "exit status 137 (signal SIGKILL)"
