"""Reads a challenge's folder: ``challenge.yaml`` strictly, and which file belongs to which case.

Everything found wrong is a ``Problem`` with a file and a field, so that an organizer gets all of
them in one go. What lies in the data files is for ``checks`` to judge.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from proctor.spec.base import CaseId, field_path, in_words
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.custom import MOST_SOURCE_BYTES
from proctor.spec.digests import digest_file
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import SplitSpec, TaskSpec
from proctor_runner.strict_yaml import read_strict_yaml

CHALLENGE_FILE = "challenge.yaml"
SPLITS = ("hidden", "sample")

_CASE_ID: TypeAdapter[str] = TypeAdapter(CaseId)
_MOST_SHOWN = 3


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend.

    Attributes:
        file: Relative to the challenge's folder, with line and column where they are known.
        field: Where in it, such as ``tasks[0].metrics[1].name``; may be empty.
        message: What is wrong and what to do, as a sentence without its end.
    """

    file: str
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}" if self.field else self.file
        return f"{where}: {self.message}"


class ChallengeInvalidError(OrganizerError):
    """The challenge cannot be used; ``problems`` names everything to mend."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = "; ".join(str(problem) for problem in problems[:_MOST_SHOWN])
        more = f"; and {len(problems) - _MOST_SHOWN} more" if len(problems) > _MOST_SHOWN else ""
        super().__init__(Code.CHALLENGE_INVALID, shown + more)
        self.problems = tuple(problems)


@dataclass(frozen=True)
class CaseFiles:
    """One case of a split, by its files on this machine."""

    id: str
    group: str
    strata: Mapping[str, str]
    inputs: Mapping[str, Path]
    reference: Mapping[str, Path]


@dataclass(frozen=True)
class Split:
    """The cases of a split in the order of their ids, and what is wrong with their list."""

    cases: tuple[CaseFiles, ...]
    problems: tuple[Problem, ...]


def load_challenge(folder: Path) -> ChallengeSpec:
    """Read ``challenge.yaml``.

    Raises:
        ChallengeInvalidError: it is missing, no YAML, or not what the schema asks for.
    """
    path = folder / CHALLENGE_FILE
    if not path.is_file():
        what = (
            "is not in this folder"
            if folder.is_dir()
            else f"cannot be: there is no folder {folder}"
        )
        raise ChallengeInvalidError([Problem(CHALLENGE_FILE, "", what)])
    try:
        document = read_strict_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise ChallengeInvalidError(
            [Problem(CHALLENGE_FILE, "", f"cannot be read from {folder}: {error}")]
        ) from error
    except yaml.YAMLError as error:
        raise ChallengeInvalidError([_yaml_problem(error)]) from error
    if not isinstance(document, dict):
        found = "is empty" if document is None else "holds no fields"
        what = f"{found}; `proctor challenge init` writes one to start from"
        raise ChallengeInvalidError([Problem(CHALLENGE_FILE, "", what)])
    try:
        return _with_sources(folder, ChallengeSpec.model_validate(document))
    except ValidationError as error:
        raise ChallengeInvalidError(_field_problems(error)) from error


def metric_sources(folder: Path, spec: ChallengeSpec) -> dict[str, Path]:
    """Return the files of organizers' own metrics by digest."""
    return {
        metric.custom.source.digest: folder / metric.custom.file
        for task in spec.tasks
        for metric in task.metrics
        if metric.custom is not None and metric.custom.source is not None and metric.custom.file
    }


def _with_sources(folder: Path, spec: ChallengeSpec) -> ChallengeSpec:
    """Name the file of every metric of the organizer's own by its digest."""
    tasks = []
    for task_index, task in enumerate(spec.tasks):
        metrics = []
        for index, metric in enumerate(task.metrics):
            if metric.custom is not None and metric.custom.file is not None:
                path = folder / metric.custom.file
                field = f"tasks[{task_index}].metrics[{index}].custom.file"
                if path.is_symlink() or not path.is_file():
                    raise ChallengeInvalidError(
                        [Problem(metric.custom.file, field, "is no plain file; it has to be there")]
                    )
                if not path.resolve().is_relative_to(folder.resolve()):
                    raise ChallengeInvalidError(
                        [Problem(metric.custom.file, field, "leaves the challenge's folder")]
                    )
                if path.stat().st_size > MOST_SOURCE_BYTES:
                    message = f"has more than {MOST_SOURCE_BYTES} bytes"
                    raise ChallengeInvalidError([Problem(metric.custom.file, field, message)])
                custom = metric.custom.model_copy(update={"source": digest_file(path)})
                metric = metric.model_copy(update={"custom": custom})
            metrics.append(metric)
        tasks.append(task.model_copy(update={"metrics": tuple(metrics)}))
    return spec.model_copy(update={"tasks": tuple(tasks)})


def read_split(folder: Path, task: TaskSpec, split: str, field: str) -> Split:
    """List the cases of a split with their files.

    Args:
        split: One of ``SPLITS``.
        field: The path of the task in challenge.yaml, for problems.
    """
    spec: SplitSpec = getattr(task.data, split)
    field = f"{field}.data.{split}"
    problems = [
        Problem(CHALLENGE_FILE, f"{field}.{name}", f"{place!r} leaves the challenge's folder")
        for name, place in (
            ("inputs", spec.inputs),
            ("reference", spec.reference),
            ("cases", spec.cases or "."),
        )
        if not (folder / place).resolve().is_relative_to(folder.resolve())
    ]
    if problems:
        return Split((), tuple(problems))
    reader = _SplitReader(folder, task, spec, field)
    cases = tuple(sorted(reader.cases(), key=lambda case: case.id))
    if not cases and not reader.problems:
        reader.problems.append(Problem(CHALLENGE_FILE, field, "holds no case"))
    return Split(cases, tuple(reader.problems))


class _SplitReader:
    def __init__(self, folder: Path, task: TaskSpec, spec: SplitSpec, field: str) -> None:
        self._folder = folder
        self._task = task
        self._spec = spec
        self._field = field
        self.problems: list[Problem] = []

    def cases(self) -> Iterator[CaseFiles]:
        rows = self._rows() if self._spec.cases else self._rows_by_file_names()
        listed = set()
        for row in rows:
            listed.add(row["case"])
            yield CaseFiles(
                id=row["case"],
                group=row.get("group") or row["case"],
                strata={name: row.get(name, "") for name in self._task.strata},
                inputs=self._files(self._spec.inputs, self._task.inputs, row["case"]),
                reference=self._files(self._spec.reference, self._task.reference, row["case"]),
            )
        self._report_strays(self._spec.inputs, self._task.inputs, listed)
        self._report_strays(self._spec.reference, self._task.reference, listed)

    def _rows(self) -> list[dict[str, str]]:
        name = self._spec.cases or ""
        try:
            with (self._folder / name).open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream, restkey="", restval="")
                header = list(reader.fieldnames or ())
                rows = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self._add(CHALLENGE_FILE, f"{self._field}.cases", f"{name} cannot be read: {error}")
            return []
        for column in ("case", *self._task.strata):
            if column not in header:
                self._add(name, column, "has no such column in its header line")
        if "case" not in header:
            return []
        counts = Counter(row["case"] for row in rows)
        good = []
        for line, row in enumerate(rows, start=2):
            problem = self._row_problem(row, header)
            if counts[row["case"]] > 1:
                problem = f"case {row['case']!r} is listed {counts[row['case']]} times"
            if problem:
                self._add(f"{name}:{line}", "case", problem)
            else:
                good.append(row)
        return good

    def _row_problem(self, row: Mapping[str, Any], header: Sequence[str]) -> str:
        if "" in row:
            return f"has more fields than the header, which names {len(header)}"
        if not _is_case_id(row["case"]):
            return (
                f"{row['case']!r} is no case id: 1 to 64 of letters, digits, '.', '_', '-',"
                " a letter or digit first"
            )
        if len(row.get("group") or "") > 64:
            return "group is longer than 64 characters"
        empty = [name for name in self._task.strata if name in header and not row[name]]
        return f"{empty[0]} is empty" if empty else ""

    def _rows_by_file_names(self) -> list[dict[str, str]]:
        if self._task.strata:
            self._add(
                CHALLENGE_FILE, f"{self._field}.cases", "is needed, since the task has strata"
            )
        first = next(iter(self._task.inputs.values()))
        return [{"case": case} for case in sorted(self._found(self._spec.inputs, first.file))]

    def _files(self, place: str, declared: Mapping[str, Any], case: str) -> dict[str, Path]:
        files = {}
        for name, spec in declared.items():
            file = Path(place) / spec.file.replace("{case}", case)
            if not (self._folder / file).is_file():
                self._add(file.as_posix(), "", f"is missing; it is {name!r} of case {case!r}")
            elif (self._folder / file).is_symlink():
                self._add(file.as_posix(), "", "is a link; copy the file in its place")
            else:
                files[name] = self._folder / file
        return files

    def _report_strays(self, place: str, declared: Mapping[str, Any], listed: set[str]) -> None:
        for spec in declared.values():
            for case in sorted(self._found(place, spec.file) - listed):
                file = Path(place) / spec.file.replace("{case}", case)
                self._add(file.as_posix(), "", "belongs to no case that is listed; list or remove")

    def _found(self, place: str, pattern: str) -> set[str]:
        if pattern.count("{case}") != 1:
            return set()
        before, after = (re.escape(part) for part in pattern.split("{case}"))
        expression = re.compile(f"{before}([A-Za-z0-9][A-Za-z0-9._-]{{0,63}}){after}")
        root = self._folder / place
        names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return {match[1] for name in names if (match := expression.fullmatch(name))}

    def _add(self, file: str, field: str, message: str) -> None:
        self.problems.append(Problem(file, field, message))


def _is_case_id(text: str) -> bool:
    try:
        _CASE_ID.validate_python(text)
    except ValidationError:
        return False
    return True


def _yaml_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    place = f"{CHALLENGE_FILE}:{mark.line + 1}:{mark.column + 1}" if mark else CHALLENGE_FILE
    return Problem(place, "", f"is not valid YAML: {getattr(error, 'problem', None) or error}")


def _field_problems(error: ValidationError) -> list[Problem]:
    problems = []
    items = error.errors(include_url=False)
    for item in items:
        inner = [other for other in items if other["loc"][:-1][: len(item["loc"])] == item["loc"]]
        if item["type"] == "too_short" and inner:
            # A list looks empty because what it holds is wrong, which is reported already.
            continue
        message = in_words(item)
        if item["type"] == "extra_forbidden":
            message = "is no field of challenge.yaml; remove it or mend its spelling"
        elif item["type"] == "missing":
            message = "is missing"
        problems.append(Problem(CHALLENGE_FILE, field_path(item["loc"]), message))
    return problems
