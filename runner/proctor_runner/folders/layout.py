"""What the tables of two folders hold: their columns, and the numbers of their classes.

It is found once, from all files, before any is scored, so that every case has the same labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from proctor.spec.task import OutputType, ReferenceType
from proctor_metrics.metric import CaseType
from proctor_runner.folders.errors import FolderError, RefusedError
from proctor_runner.folders.pairs import FilePair
from proctor_runner.folders.tables import TableFile, read_table_file
from proctor_runner.references import (
    LabelsReference,
    MultilabelReference,
    Reference,
    SurvivalReference,
    ValuesReference,
    label_names,
)

_TIME, _EVENT = "time", "event"


@dataclass(frozen=True)
class Layout:
    """How every pair of tables is read.

    Attributes:
        answer: a table, or a list of classes.
        reference: which kind the references are.
        columns: of the answers, in order; none of a list of classes.
        truth_columns: of the references, in order.
        labels: the classes by number; none where there are no classes.
    """

    answer: OutputType
    reference: ReferenceType
    columns: tuple[str, ...]
    truth_columns: tuple[str, ...]
    labels: Mapping[int, str]

    def read_answer(self, table: TableFile) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        """Return an answer in canonical form.

        Raises:
            RefusedError: a cell holds what it should not.
        """
        if self.answer is OutputType.LABEL_LIST:
            return self._classes(table)
        columns = self.columns
        # An array names no columns, and neither need a table of one.
        nameless = table.path.name.lower().endswith(".npy") or len(columns) == 1
        if nameless and len(table.columns) == len(columns):
            columns = table.columns
        return table.numbers(columns)

    def read_truth(self, table: TableFile) -> Reference:
        """Return a reference.

        Raises:
            RefusedError: a cell holds what it should not.
        """
        match self.reference:
            case ReferenceType.LABELS:
                return LabelsReference(self._classes(table))
            case ReferenceType.SURVIVAL:
                return SurvivalReference(table.numbers(self.truth_columns))
            case ReferenceType.MULTILABEL:
                held = table.numbers(self.truth_columns)
                if not np.isin(held, (0, 1)).all():
                    row = int(np.argwhere(~np.isin(held, (0, 1)))[0][0])
                    raise RefusedError(
                        f"{table.path}, row {row + 1}: a label holds, 1, or does not, 0."
                    )
                return MultilabelReference(held.astype(np.bool_))
            case _:
                return ValuesReference(table.numbers(self.truth_columns))

    def _classes(self, table: TableFile) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        known = label_names(self.labels)
        found = np.empty(table.n_rows, dtype=np.int64)
        for row, text in enumerate(table.texts(table.column_of_classes())):
            if text not in known:
                raise RefusedError(
                    f"{table.path}, row {row + 1}: {text!r} is no class; those known are"
                    f" {', '.join(self.labels.values())}."
                )
            found[row] = known[text]
        return found


def find_layout(
    kinds: set[CaseType], pairs: Iterable[FilePair], labels: Mapping[int, str]
) -> Layout:
    """Find the layout of all pairs.

    Args:
        kinds: the kinds of case that the metrics take, of tables.
        labels: as given by hand; none has them found.

    Raises:
        FolderError: a reference cannot be read, or files do not agree.
    """
    cases = list(pairs)
    try:
        truths = [read_table_file(case.reference) for case in cases]
        if kinds <= {CaseType.CLASSES, CaseType.TABLE}:
            return _layout_of_classes(cases, truths, labels)
        return _layout_of_numbers(kinds, cases, truths[0])
    except RefusedError as error:
        raise FolderError(str(error)) from None


def _layout_of_numbers(kinds: set[CaseType], cases: list[FilePair], truth: TableFile) -> Layout:
    columns = truth.columns
    if kinds == {CaseType.SURVIVAL}:
        if truth.path.suffix != ".npy" and set(columns) >= {_TIME, _EVENT}:
            columns = (_TIME, _EVENT)
        if len(columns) != 2:
            raise RefusedError(
                f"{truth.path} has the columns {', '.join(columns)}; expected time, and event: 1,"
                " or 0 where the item was censored."
            )
        answers = tuple(_readable(cases))
        if not answers:
            raise FolderError("There is no prediction to read.")
        answered = answers[0].columns
        return Layout(OutputType.TABLE, ReferenceType.SURVIVAL, answered, columns, {})
    kind = ReferenceType.MULTILABEL if kinds == {CaseType.MULTILABEL} else ReferenceType.VALUES
    return Layout(OutputType.TABLE, kind, columns, columns, {})


def _layout_of_classes(
    cases: list[FilePair], truths: list[TableFile], labels: Mapping[int, str]
) -> Layout:
    answers = _readable(cases)
    texts = {text for truth in truths for text in truth.texts(truth.column_of_classes())}
    if answers and any(answer.flat != answers[0].flat for answer in answers):
        other = next(answer for answer in answers if answer.flat != answers[0].flat)
        raise FolderError(
            f"{answers[0].path} has {len(answers[0].columns)} columns, {other.path}"
            f" {len(other.columns)}: a class, or a score for each class, but one of both."
        )
    if not answers or answers[0].flat:
        for answer in answers:
            texts |= set(answer.texts(answer.column_of_classes()))
        known = labels or _numbered(sorted(texts))
        return Layout(OutputType.LABEL_LIST, ReferenceType.LABELS, (), (), known)
    columns = answers[0].columns
    if "label" in columns:
        # Beside its scores a table may say which class it decides for.
        columns = tuple(column for column in columns if column != "label")
    if labels and answers[0].path.name.lower().endswith(".npy"):
        columns = tuple(str(value) for value in sorted(labels))
    known = labels or _numbered(list(columns))
    unknown = sorted(texts - set(label_names(known)))
    if unknown:
        raise FolderError(
            f"The references hold the class {unknown[0]!r}, and no column scores it; the columns"
            f" of {answers[0].path} are {', '.join(columns)}."
        )
    return Layout(OutputType.TABLE, ReferenceType.LABELS, columns, (), known)


def _readable(cases: list[FilePair]) -> list[TableFile]:
    found = []
    refused = None
    for case in cases:
        if case.prediction is not None:
            try:
                found.append(read_table_file(case.prediction))
            except RefusedError as error:
                # It is refused with its sentence when its turn comes.
                refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def _numbered(names: list[str]) -> dict[int, str]:
    """Number classes: by themselves where all are numbers, else in their order."""
    if all(name.isdecimal() for name in names):
        return {int(name): name for name in sorted(names, key=int)}
    return dict(enumerate(names))
