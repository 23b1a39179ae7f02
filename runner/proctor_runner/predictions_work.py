"""A run of predictions: nothing is executed, what was handed in is decoded case by case.

The files are a participant's, so they are read in the decode sandbox as a model's outputs are, with
the same sentences about what is wrong with them. A case without all its files is a missing one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.work import CaseReport, OrderCase, PredictionsContent, RunOrder
from proctor_runner.canonical import RawCase
from proctor_runner.decoding import DecodedCase, decode
from proctor_runner.desk import RunDesk, StoppedError
from proctor_runner.faults import FaultPoint
from proctor_runner.run_work import Bench, RunOutcome

_CASES_AT_ONCE = 32


def decode_predictions(
    order: RunOrder, content: PredictionsContent, desk: RunDesk, bench: Bench
) -> RunOutcome:
    """Decode every case of ``order`` and report each.

    Raises:
        StoppedError: the desk said stop.
        PlatformError: something of ours failed; reports made so far stand.
    """
    files = {entry.path: entry.file for entry in content.entries}
    done = order.cases_total - len(order.cases)
    for first in range(0, len(order.cases), _CASES_AT_ONCE):
        batch = order.cases[first : first + _CASES_AT_ONCE]
        if desk.stopped():
            raise StoppedError
        answers = _decode(order, files, batch, desk, bench)
        bench.faults.reached(FaultPoint.DECODE)
        for case, decoded in answers:
            report = CaseReport(
                fence=order.fence,
                case=case.id,
                outcome=decoded.outcome,
                detail=decoded.detail[:2000],
                predictions={
                    name: desk.store(path) for name, path in sorted(decoded.predictions.items())
                },
            )
            bench.faults.reached(FaultPoint.UPLOAD)
            desk.report_case(report)
            done += 1
            desk.progress("decoding", done, order.cases_total)
    return RunOutcome(Code.OK, "", 0.0)


def _decode(
    order: RunOrder,
    files: dict[str, FileRef],
    batch: Sequence[OrderCase],
    desk: RunDesk,
    bench: Bench,
) -> list[tuple[OrderCase, DecodedCase]]:
    """Return each case of ``batch`` with what its files are."""
    found: dict[str, DecodedCase] = {}
    raw = []
    for case in batch:
        names = {output.file: f"{case.id}/{output.file}" for output in order.task.outputs.values()}
        lacking = next((path for path in names.values() if path not in files), None)
        if lacking is not None:
            detail = f"{lacking} is not among the predictions."
            found[case.alias] = DecodedCase(Code.MISSING_OUTPUT, detail)
            continue
        grids = {output.grid for output in order.task.outputs.values() if output.grid is not None}
        raw.append(
            RawCase(
                id=case.alias,
                items=case.items,
                files={name: desk.fetch(files[path]) for name, path in names.items()},
                grids={name: desk.fetch(case.files[name]) for name in sorted(grids)},
            )
        )
    if raw:
        found |= _in_sandbox(order, raw, desk, bench)
    return [(case, found[case.alias]) for case in batch]


def _in_sandbox(
    order: RunOrder, raw: list[RawCase], desk: RunDesk, bench: Bench
) -> dict[str, DecodedCase]:
    destination: Path = bench.scratch / f"decoded-{raw[0].id}"
    destination.mkdir()
    try:
        return decode(
            bench.decoder,
            bench.decode_program,
            order.task,
            raw,
            destination,
            desk.stopped,
            order.id,
            order.fence,
        )
    except ProctorError:
        # A decode that was killed because we were told to stop is no failure.
        if desk.stopped():
            raise StoppedError from None
        raise
