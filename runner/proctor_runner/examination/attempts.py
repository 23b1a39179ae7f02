"""Lets a model answer a sample: through each protocol that it declares, and more than once.

The first attempt answers every case. Those after it, which are to be compared with it, answer the
first few, and nobody reads scores of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from proctor.spec.base import FileRef
from proctor.spec.card.examination import AnsweredCase
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code
from proctor_runner.examination.subject import Subject
from proctor_runner.local import LocalReport, LocalTask, Progress, run_local_task

COMPARED_CASES = 3


@dataclass(frozen=True)
class Attempt:
    """One time that a model answered.

    Attributes:
        turn: 1 for the first time through this protocol.
    """

    protocol: Protocol
    turn: int
    report: LocalReport


def attempts(local: LocalTask, subject: Subject, sandbox: str, progress: Progress) -> list[Attempt]:
    """Let a model answer; once it answers nothing, it is not asked again.

    The model is measured in the first attempt.
    """
    ask = partial(
        run_local_task,
        model=subject.model,
        sandbox=sandbox,
        progress=progress,
        weights=subject.weights,
        contract=subject.contract,
    )
    report = ask(local, measured=True)
    turns = plan(report.declared)
    made = [Attempt(*turns[0], report)]
    compared = {case.id for case in local.data.inputs.cases[:COMPARED_CASES]}
    few = replace(local, data=local.data.only(compared))
    for protocol, turn in turns[1:]:
        if not any(case.outcome is Code.OK for case in report.cases):
            break
        report = ask(few, protocol=protocol, scored=False)
        made.append(Attempt(protocol, turn, report))
    return made


def answered(made: list[Attempt]) -> Iterator[AnsweredCase]:
    """Return every answer, each compared with the first one to its case."""
    firsts: dict[str, Mapping[str, FileRef]] = {}
    for attempt in made:
        for case in attempt.report.cases:
            answer = case.predictions if case.outcome is Code.OK else None
            before = firsts.get(case.case)
            yield AnsweredCase(
                task=attempt.report.task,
                case=case.case,
                protocol=attempt.protocol,
                turn=attempt.turn,
                outcome=case.outcome,
                detail=case.detail,
                seconds=case.seconds,
                peak_memory_bytes=case.peak_memory_bytes,
                same=None if answer is None or before is None else answer == before,
            )
            if answer is not None:
                firsts.setdefault(case.case, answer)


def plan(declared: frozenset[Protocol]) -> list[tuple[Protocol, int]]:
    """Return what is tried: twice each, and first what a run speaks of its own accord."""
    spoken = [one for one in (Protocol.SERVE, Protocol.CASE) if one in declared]
    return [(protocol, turn) for turn in (1, 2) for protocol in spoken]
