"""A run of a model that serves: one session, and a few cases that must agree with ``case``."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code
from proctor_runner.agreement import compared_aliases
from proctor_runner.contracts import protocols
from proctor_runner.desk import StoppedError
from proctor_runner.run_work import run_cases
from proctor_runner.sandbox.interface import Ending, Program

SERVES = Program(protocols=frozenset(Protocol))


@pytest.fixture
def run(fakes, desk, tmp_path):
    """Run an order of a model that serves and give what came of it."""

    def run(answer=fakes.good, order=None, **bench):
        sandbox = fakes.Sandbox(answer)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        outcome = run_cases(
            order or fakes.order(desk),
            SERVES,
            desk,
            fakes.bench(scratch, sandbox, fakes.Sandbox(), **bench),
        )
        assert not list(scratch.iterdir()), "an attempt leaves its scratch folder empty"
        assert [session.is_open for session in sandbox.sessions] == [False]
        return outcome, sandbox

    return run


def served(sandbox):
    return [job.part for job in sandbox.jobs if job.protocol is Protocol.SERVE]


def started(sandbox):
    return [job.part for job in sandbox.jobs if job.protocol is Protocol.CASE]


def rows(fakes, job, first):
    ending = Ending.ANSWERED if job.protocol is Protocol.SERVE else Ending.EXITED
    return fakes.leave(job, {"scores.csv": fakes.table((first, 0.1), (0.2, 0.8))}, ending)


def test_every_case_is_asked_in_one_session_and_two_are_compared(run, fakes, desk):
    outcome, sandbox = run()
    assert (outcome.code, outcome.protocol) == (Code.OK, Protocol.SERVE)
    assert served(sandbox) == ["x6", "x7", "x8", "x9"]
    assert sorted(started(sandbox)) == sorted(compared_aliases(fakes.order(desk)))
    assert len(started(sandbox)) == 2
    assert sorted(desk.reports) == [f"patient-{number}" for number in range(4)]
    assert {report.outcome for report in desk.reports.values()} == {Code.OK}
    assert outcome.model_s == 4.0, "the second answers are not the model's time"


def test_compared_cases_are_reported_after_they_were_compared(run, fakes, desk):
    order = fakes.order(desk)
    compared = {case.id for case in order.cases if case.alias in compared_aliases(order)}
    before = []

    def answer(job, cancelled):
        if job.protocol is Protocol.CASE:
            before.append(compared & set(desk.reports))
        return fakes.good(job, cancelled)

    run(answer, order, decode_cases=1)
    assert before == [set(), set()]
    assert set(list(desk.reports)[-2:]) == compared


def test_which_cases_are_compared_depends_on_the_run_alone(fakes, desk):
    orders = [fakes.order(desk, cases=9, id=f"run_{letter * 26}") for letter in "abcdefgh"]
    chosen = [compared_aliases(order) for order in orders]
    assert len(set(chosen)) > 1
    assert chosen == [compared_aliases(order) for order in orders]
    assert {len(one) for one in chosen} == {2}


def test_which_cases_are_compared_cannot_be_known_from_the_id_of_the_run(fakes, desk):
    # A container reads the id from the names of its mounts.
    orders = [fakes.order(desk, cases=9, token=secret) for secret in "abcdefgh"]
    assert len({order.id for order in orders}) == 1
    assert len({compared_aliases(order) for order in orders}) > 1


@pytest.mark.parametrize(("cases", "compared"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_of_a_tiny_set_fewer_are_compared(fakes, desk, cases, compared):
    order = fakes.order(desk, cases=cases)
    chosen = compared_aliases(order)
    assert len(chosen) == compared
    first = min(case.alias for case in order.cases)
    assert (first in chosen) == (cases == 1), "the first case has none before it"


def test_a_later_attempt_compares_what_the_first_left_unreported(run, fakes, desk):
    whole = fakes.order(desk)
    left = compared_aliases(whole)
    cases = tuple(case for case in whole.cases if case.alias in left)
    order = whole.model_copy(update={"cases": cases, "fence": 2})
    outcome, sandbox = run(order=order)
    assert outcome.code is Code.OK
    assert sorted(started(sandbox)) == sorted(left)


def test_a_model_that_keeps_state_fails_the_run_with_the_case(run, fakes, desk):
    numbers = itertools.count()

    def answer(job, cancelled):
        number = next(numbers) if job.protocol is Protocol.SERVE else 0
        return rows(fakes, job, 0.9 - 0.1 * number)

    outcome, sandbox = run(answer)
    assert outcome.code is Code.PROTOCOLS_DISAGREE
    assert "keeps something from one case to the next" in outcome.detail
    disagreed = next(case for case in fakes.order(desk).cases if case.id in outcome.detail)
    assert started(sandbox).count(disagreed.alias) == 2
    assert disagreed.id not in desk.reports


def test_a_model_that_is_never_the_same_is_told_so(run, fakes):
    numbers = itertools.count()
    outcome, _ = run(lambda job, _: rows(fakes, job, 0.9 - 0.01 * next(numbers)))
    assert outcome.code is Code.PROTOCOLS_DISAGREE
    assert "is not seeded" in outcome.detail


def test_a_model_that_answers_through_serve_alone_fails_the_run(run, fakes):
    def answer(job, cancelled):
        if job.protocol is Protocol.CASE:
            return fakes.leave(job, {}, exit_code=7)
        return fakes.good(job, cancelled)

    outcome, _ = run(answer)
    assert outcome.code is Code.PROTOCOLS_DISAGREE
    assert "not through case: The model ended with exit status 7." in outcome.detail


def test_a_case_that_was_lost_is_not_compared(run, fakes, desk):
    order = fakes.order(desk)
    lost, kept = sorted(compared_aliases(order))

    def answer(job, cancelled):
        if job.part == lost:
            return fakes.leave(job, {}, Ending.FAILED, None, detail="It answered the case twice.")
        return fakes.good(job, cancelled)

    outcome, sandbox = run(answer)
    assert outcome.code is Code.OK
    assert started(sandbox) == [kept]
    case = next(case for case in order.cases if case.alias == lost)
    report = desk.reports[case.id]
    assert (report.outcome, report.detail) == (Code.CRASH, "It answered the case twice.")


def test_an_answer_that_does_not_decode_is_the_case_s_own_failure(run, fakes, desk):
    def answer(job, cancelled):
        if job.protocol is Protocol.SERVE:
            return fakes.leave(job, {}, Ending.ANSWERED)
        return fakes.good(job, cancelled)

    outcome, _ = run(answer)
    assert outcome.code is Code.MISSING_OUTPUT
    assert {report.outcome for report in desk.reports.values()} == {Code.MISSING_OUTPUT}


def test_a_model_that_cannot_start_fails_the_run_at_its_first_case(run, fakes):
    def answer(job, cancelled):
        return fakes.leave(job, {}, Ending.START_FAILED, None, detail="It was not ready.")

    outcome, sandbox = run(answer)
    assert (outcome.code, outcome.detail) == (Code.START_FAILED, "It was not ready.")
    assert len(sandbox.jobs) == 1


def test_a_model_that_cannot_start_again_loses_the_cases_that_are_left(run, fakes, desk):
    def answer(job, cancelled):
        if job.part == "x6":
            return fakes.good(job, cancelled)
        if job.part == "x7" and job.protocol is Protocol.SERVE:
            return fakes.leave(job, {}, Ending.FAILED, None, detail="It ended.")
        return fakes.leave(job, {}, Ending.START_FAILED, None, detail="It was not ready.")

    run(answer, fakes.order(desk, id="run_" + "b" * 26))
    outcomes = [desk.reports[f"patient-{number}"].outcome for number in (2, 1, 0)]
    assert outcomes == [Code.CRASH, Code.START_FAILED, Code.START_FAILED]


def test_the_time_of_a_start_is_the_runs_and_not_the_cases(run, fakes, desk):
    def answer(job, cancelled):
        start_s = 5.0 if job.part == "x6" else 0.0
        return replace(fakes.good(job, cancelled), start_s=start_s)

    order = fakes.order(desk, limits=Limits(case_s=10, total_s=14))
    outcome, sandbox = run(answer, order)
    assert outcome.model_s == 9.0
    assert [job.timeout_s for job in sandbox.jobs[:4]] == [10, 8, 7, 6]
    assert {report.seconds for report in desk.reports.values()} == {1.0}


def test_a_stop_closes_the_session_and_reports_nothing_more(fakes, desk, tmp_path):
    def answer(job, cancelled):
        desk.stop.set()
        assert cancelled()
        return fakes.leave(job, {}, Ending.CANCELLED, None)

    sandbox = fakes.Sandbox(answer)
    with pytest.raises(StoppedError):
        run_cases(fakes.order(desk), SERVES, desk, fakes.bench(tmp_path, sandbox, fakes.Sandbox()))
    assert [session.is_open for session in sandbox.sessions] == [False]
    assert desk.reports == {}


def test_a_folder_says_by_its_card_what_it_speaks(tmp_path):
    assert protocols.of_folder(tmp_path) == {Protocol.CASE}
    for card, expected in [
        ('{"name": "m", "protocols": ["case", "serve"]}', {Protocol.CASE, Protocol.SERVE}),
        ('{"name": "m", "protocols": ["serve"]}', {Protocol.CASE, Protocol.SERVE}),
        ('{"name": "m"}', {Protocol.CASE}),
        ('{"name": "m", "protocols": ["telepathy"]}', {Protocol.CASE}),
        ("[" * 100_000, {Protocol.CASE}),
    ]:
        (tmp_path / "model.json").write_text(card)
        assert protocols.of_folder(tmp_path) == expected, card


def test_an_image_says_by_its_label_what_it_speaks():
    assert protocols.of_labels({}) == {Protocol.CASE}
    assert protocols.of_labels({"proctor.protocols": "case, serve"}) == {
        Protocol.CASE,
        Protocol.SERVE,
    }
    assert protocols.of_labels({"proctor.protocols": "case,serve,describe"}) == set(Protocol)
    assert protocols.of_labels({"other": "serve"}) == {Protocol.CASE}


def test_an_image_that_starts_our_engine_describes_itself_without_a_label():
    engine = ("/opt/venv/bin/python", "-m", "proctor.template")
    assert protocols.of_image({}, engine) == {Protocol.CASE, Protocol.DESCRIBE}
    assert protocols.of_image({"proctor.protocols": "serve"}, engine) == set(Protocol)
    assert protocols.of_image({}, ("python", "-m", "mine", "proctor.template")) == {Protocol.CASE}
    assert protocols.of_image({}, ()) == {Protocol.CASE}
