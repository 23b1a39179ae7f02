"""A run of predictions: nothing of it is executed, and each case gets one report."""

import numpy as np
import pytest

from proctor.spec.digests import FolderEntry
from proctor.spec.outcomes import Code
from proctor.spec.work import PredictionsContent
from proctor_runner.desk import StoppedError
from proctor_runner.predictions_work import decode_predictions


@pytest.fixture
def predicted(desk, fakes):
    """Make an order of predictions from their bytes by path."""

    def make(paths, **changes):
        entries = tuple(
            FolderEntry(path=path, file=desk.store_bytes(content))
            for path, content in paths.items()
        )
        return fakes.order(desk, content=PredictionsContent(entries=entries), **changes)

    return make


@pytest.fixture
def decode(desk, fakes, tmp_path):
    """Decode an order, and return what the two sandboxes were asked to do."""

    def run(order):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        sandbox, decoder = fakes.Sandbox(), fakes.Sandbox()
        bench = fakes.bench(scratch, sandbox, decoder)
        outcome = decode_predictions(order, order.content, desk, bench)
        assert outcome.code is Code.OK
        return sandbox.jobs, decoder.jobs

    return run


def test_predictions_become_arrays_and_nothing_is_run(predicted, decode, desk, fakes):
    good = fakes.table((0.9, 0.1), (0.2, 0.8))
    ran, decoded = decode(predicted({f"patient-{n}/scores.csv": good for n in range(4)}))
    assert ran == []
    assert len(decoded) == 1
    assert {report.outcome for report in desk.reports.values()} == {Code.OK}
    array = np.load(desk.fetch(desk.reports["patient-0"].predictions["scores"]))
    assert array.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert desk.said[-1] == ("decoding", 4, 4)


def test_a_file_that_lacks_is_that_cases_alone(predicted, decode, desk, fakes):
    good = fakes.table((0.9, 0.1), (0.2, 0.8))
    decode(predicted({"patient-0/scores.csv": good, "patient-2/scores.csv": b"a,b\n1,2\n"}))
    outcomes = {case: report.outcome for case, report in desk.reports.items()}
    assert outcomes == {
        "patient-0": Code.OK,
        "patient-1": Code.MISSING_OUTPUT,
        "patient-2": Code.INVALID_OUTPUT,
        "patient-3": Code.MISSING_OUTPUT,
    }
    assert desk.reports["patient-1"].detail == (
        "patient-1/scores.csv is not among the predictions."
    )
    assert "1 rows; expected 2" in desk.reports["patient-2"].detail


def test_many_cases_are_decoded_in_portions(predicted, decode, desk, fakes):
    good = fakes.table((0.9, 0.1), (0.2, 0.8))
    order = predicted({f"patient-{n}/scores.csv": good for n in range(40)}, cases=40)
    _, decoded = decode(order)
    assert len(decoded) == 2
    assert len(desk.reports) == 40


def test_predictions_stop_when_told(predicted, decode, desk, fakes):
    desk.stop.set()
    with pytest.raises(StoppedError):
        decode(predicted({"patient-0/scores.csv": fakes.table((1, 0), (0, 1))}))
    assert desk.reports == {}
