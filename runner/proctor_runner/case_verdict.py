"""What the way a program ended means for the case that it was asked, and for the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from proctor.spec.outcomes import OUTCOMES, Code
from proctor.spec.work import CaseReport
from proctor_runner.desk import StoppedError
from proctor_runner.sandbox.interface import Ending, SandboxResult
from proctor_runner.sandbox.sentences import exit_words


def judge(result: SandboxResult, by_total: bool) -> tuple[Code, str]:
    """Return the outcome of a case and a sentence; with OK its outputs are still to be decoded.

    Args:
        by_total: The time limit was what was left of the whole run's.

    Raises:
        StoppedError: it was cancelled.
    """
    match result.ending:
        case Ending.ANSWERED:
            return Code.OK, ""
        case Ending.FAILED:
            return Code.CRASH, result.detail
        case Ending.EXITED if result.exit_code == 0:
            return Code.OK, ""
        case Ending.EXITED:
            return Code.CRASH, f"The model ended with {exit_words(result.exit_code)}."
        case Ending.TIMEOUT:
            return (Code.TOTAL_TIMEOUT if by_total else Code.TIMEOUT), result.detail
        case Ending.OUT_OF_MEMORY:
            return Code.OOM, result.detail
        case Ending.OUT_OF_GPU_MEMORY:
            return Code.CUDA_OOM, result.detail
        case Ending.OUTPUT_LIMIT:
            return Code.OUTPUT_LIMIT, result.detail
        case Ending.START_FAILED:
            return Code.START_FAILED, result.detail
        case Ending.CANCELLED:
            raise StoppedError
        case _ as unreachable:
            assert_never(unreachable)


def all_failed(reports: Sequence[CaseReport]) -> tuple[Code, str]:
    """Return the outcome of a run without any good case: its most frequent one, and a sentence."""
    code, count = Counter(report.outcome for report in reports).most_common(1)[0]
    first = next(report for report in reports if report.outcome is code)
    alike = " alike" if count == len(reports) else f", {count} of them like this one"
    said = first.detail or OUTCOMES[code].message
    return code, f"All {len(reports)} cases failed{alike}: {said}"
