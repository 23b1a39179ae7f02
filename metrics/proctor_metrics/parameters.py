"""Read the parameters of a metric, strictly, with errors that name the field.

The published language (`challenge.yaml`) holds a metric's name and a free mapping of
parameters; what that mapping may hold is known here only. A field that no metric asked for
is an error, so a typing mistake cannot silently fall back to a default definition.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

_Choice = TypeVar("_Choice", bound=StrEnum)


class MetricParameterError(ValueError):
    """A parameter of a metric is unknown, of the wrong type, or out of range.

    Attributes:
        metric: name of the metric that was asked for.
        field: the parameter at fault, or `worst` for the declared worst value.
    """

    def __init__(self, metric: str, field: str, problem: str) -> None:
        super().__init__(f"metric {metric!r}, parameter {field!r}: {problem}")
        self.metric = metric
        self.field = field


class Parameters:
    """The parameters of one metric; every read names the field, its default and its range."""

    def __init__(
        self, metric: str, values: Mapping[str, object], worst: float | None = None
    ) -> None:
        self._metric = metric
        self._values = values
        self._asked: list[str] = []
        self._worst = worst

    def choice(self, field: str, default: _Choice) -> _Choice:
        """Return the member of the default's enumeration that the field names.

        Raises:
            MetricParameterError: the value is none of the enumeration's.
        """
        kind = type(default)
        value = self._read(field, default.value)
        allowed = [member.value for member in kind]
        if isinstance(value, int | float) and not isinstance(value, bool):
            # YAML has 0 and .nan as numbers, and a choice may well be called so.
            value = str(value) if str(value) in allowed else value
        if not isinstance(value, str) or value not in allowed:
            raise self.error(field, f"is {value!r}; it must be one of {_listing(allowed)}")
        return kind(value)

    def integer(self, field: str, default: int | None, minimum: int | None = None) -> int:
        """Return the field as an integer; it is required where there is no default.

        Raises:
            MetricParameterError: the value is missing, no integer, or below the minimum.
        """
        value = self._read(field, default)
        bound = "" if minimum is None else f" of at least {minimum}"
        if value is None:
            raise self.error(field, f"is required; give an integer{bound}")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(field, f"is {value!r}; it must be an integer{bound}")
        if minimum is not None and value < minimum:
            raise self.error(field, f"is {value}; it must be an integer{bound}")
        return value

    def number(self, field: str, default: float | None, above: float, at_most: float) -> float:
        """Return the field as a number in (above, at_most]; it is required without a default.

        Raises:
            MetricParameterError: the value is missing, no number or out of range.
        """
        value = self._read(field, default)
        allowed = f"it must be a number above {above:g} and at most {at_most:g}"
        if value is None:
            raise self.error(field, f"is required; {allowed}")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(field, f"is {value!r}; {allowed}")
        if not above < value <= at_most:
            raise self.error(field, f"is {value}; {allowed}")
        return float(value)

    def number_or_by_name(self, field: str, at_least: float) -> float | Mapping[str, float]:
        """Return the field, which is required: a finite number, or one for each of several names.

        Raises:
            MetricParameterError: the value is missing, or a number is none or out of range.
        """
        value = self._read(field, None)
        allowed = f"it must be a finite number of at least {at_least:g}, or a map of names to such"
        if value is None:
            raise self.error(field, f"is required; {allowed}")
        numbers: dict[str, float] = {}
        for name, number in (value if isinstance(value, Mapping) else {"": value}).items():
            if not isinstance(number, int | float) or isinstance(number, bool):
                raise self.error(field, f"is {value!r}; {allowed}")
            if not at_least <= number < math.inf:
                raise self.error(field, f"is {value!r}; {allowed}")
            numbers[str(name)] = float(number)
        return numbers if isinstance(value, Mapping) else numbers[""]

    def square_matrix(self, field: str) -> tuple[tuple[float, ...], ...] | None:
        """Return the field as the rows of a square matrix of finite numbers from 0, or None.

        Raises:
            MetricParameterError: the value is no such matrix.
        """
        value = self._read(field, None)
        if value is None:
            return None
        rows = value if isinstance(value, list | tuple) else []
        sound = bool(rows) and all(
            isinstance(row, list | tuple)
            and len(row) == len(rows)
            and all(
                isinstance(cell, int | float)
                and not isinstance(cell, bool)
                and 0 <= cell < math.inf
                for cell in row
            )
            for row in rows
        )
        if not sound:
            raise self.error(field, "must be a list of rows, as many as columns, of numbers from 0")
        return tuple(tuple(float(cell) for cell in row) for row in rows)

    def optional_number(self, field: str, above: float, at_most: float) -> float | None:
        """Return the field as a number in (above, at_most], or None where it is not given.

        Raises:
            MetricParameterError: the value is no number or out of range.
        """
        if self._read(field, None) is None:
            return None
        return self.number(field, None, above, at_most)

    def ascending(self, field: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """Return the field as numbers above 0, each larger than the one before.

        Raises:
            MetricParameterError: the value is no such list.
        """
        value = self._read(field, default)
        numbers = value if isinstance(value, list | tuple) and value else (0,)
        before = 0.0
        for number in numbers:
            if (
                not isinstance(number, int | float)
                or isinstance(number, bool)
                or not before < number < math.inf
            ):
                raise self.error(
                    field, f"is {value!r}; it must be a list of numbers above 0 in ascending order"
                )
            before = number
        return tuple(float(number) for number in numbers)

    def worst(self) -> float | None:
        """Return the worst value that the task declares, if it declares one.

        Raises:
            MetricParameterError: the declared value is not a finite number.
        """
        if self._worst is not None and not math.isfinite(self._worst):
            raise self.error("worst", f"is {self._worst}; it must be a finite number")
        return self._worst

    def refuse_the_rest(self) -> None:
        """Refuse every field that was not asked for.

        Raises:
            MetricParameterError: a field is left; the message lists the known ones.
        """
        for field in self._values:
            if field not in self._asked:
                known = _listing(self._asked) if self._asked else "none"
                raise self.error(field, f"is unknown; known parameters: {known}")

    def error(self, field: str, problem: str) -> MetricParameterError:
        """Return, not raise, an error that names the metric and the field."""
        return MetricParameterError(self._metric, field, problem)

    def _read(self, field: str, default: object) -> object:
        self._asked.append(field)
        return self._values.get(field, default)


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
