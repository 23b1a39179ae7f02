"""Turns a pair of files into what a scorer takes: one case, or two where rows have no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from proctor_runner.folders.errors import FolderError, RefusedError
from proctor_runner.folders.layout import Layout
from proctor_runner.folders.masks import read_pair
from proctor_runner.folders.pairs import FilePair
from proctor_runner.folders.tables import TableFile, read_table_file
from proctor_runner.references import (
    LabelsReference,
    MultilabelReference,
    Reference,
    SurvivalReference,
    ValuesReference,
)


class Loaded(NamedTuple):
    """One case; without an answer it is missing, or refused if there is a problem.

    A note is of what was left out.
    """

    name: str
    items: int
    answer: npt.NDArray[Any] | None
    reference: Reference
    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class MaskFiles:
    """Reads pairs of label maps."""

    spacing_mm: tuple[float, ...] | None = None

    def load(self, pair: FilePair) -> tuple[Loaded, ...]:
        """Read one pair.

        Raises:
            FolderError: the reference cannot be used.
        """
        found = read_pair(pair, self.spacing_mm)
        # A case takes a large label map as it is read, without an array of it.
        answer = cast("npt.NDArray[Any] | None", found.answer)
        return (Loaded(pair.name, 1, answer, found.reference, found.problem),)


@dataclass(frozen=True)
class TableFiles:
    """Reads pairs of tables."""

    layout: Layout

    def load(self, pair: FilePair) -> tuple[Loaded, ...]:
        """Read one pair; rows that only the reference has become a case without an answer.

        Raises:
            FolderError: the reference cannot be used.
        """
        try:
            truth = read_table_file(pair.reference)
            reference = self.layout.read_truth(truth)
        except RefusedError as error:
            raise FolderError(str(error)) from None
        lost = Loaded(pair.name, truth.n_rows, None, reference)
        if pair.prediction is None:
            return (lost,)
        try:
            table = read_table_file(pair.prediction)
            answer = self.layout.read_answer(table)
            order = _order(table, truth)
        except RefusedError as error:
            return (lost._replace(problem=str(error)),)
        there = order >= 0
        if not there.any():
            problem = f"{table.path} names none of the rows of {truth.path}."
            return (lost._replace(problem=problem),)
        answered = Loaded(
            pair.name,
            int(there.sum()),
            answer[order[there]],
            _rows(reference, there),
            note=_left_over(table, truth),
        )
        if there.all():
            return (answered,)
        name = f"{pair.name} (rows without an answer)"
        return answered, Loaded(name, int((~there).sum()), None, _rows(reference, ~there))


def _order(table: TableFile, truth: TableFile) -> npt.NDArray[np.intp]:
    """Return for each row of the reference the row that answers it, or -1."""
    if table.ids is not None and truth.ids is not None:
        places = {name: row for row, name in enumerate(table.ids)}
        return np.array([places.get(name, -1) for name in truth.ids], dtype=np.intp)
    if table.n_rows != truth.n_rows:
        raise RefusedError(
            f"{table.path} has {table.n_rows} rows, {truth.path} {truth.n_rows}: row i must answer"
            " item i, or a first column id must name the rows of both."
        )
    return np.arange(truth.n_rows)


def _left_over(table: TableFile, truth: TableFile) -> str:
    if table.ids is None or truth.ids is None:
        return ""
    known = set(truth.ids)
    unknown = [name for name in table.ids if name not in known]
    if not unknown:
        return ""
    return (
        f"{table.path}: {len(unknown)} rows have no reference and are left out, such as"
        f" {unknown[0]!r}."
    )


def _rows(reference: Reference, chosen: npt.NDArray[np.bool_]) -> Reference:
    match reference:
        case LabelsReference(values):
            return LabelsReference(values[chosen])
        case ValuesReference(values):
            return ValuesReference(values[chosen])
        case SurvivalReference(values):
            return SurvivalReference(values[chosen])
        case MultilabelReference(values):
            return MultilabelReference(values[chosen])
        case _:
            raise TypeError(f"{type(reference).__name__} has no rows")
