"""JSON and plain text, both in UTF-8; a mark that says so is no part of the text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..held import File


class _JsonReader:
    formats: tuple[str, ...] = ("json",)
    libraries: tuple[str, ...] = ()
    package = ""

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        return None

    def native(self, file: File, name: str) -> object:
        try:
            text = file.read_bytes().decode("utf-8-sig")
            return json.loads(text, parse_constant=_refuse, parse_float=_finite)
        except RecursionError:
            raise ValueError("is nested too deeply") from None

    def owns(self, native: object) -> bool:
        return False

    def array(self, native: Any) -> object:
        return native


class _TextReader:
    formats: tuple[str, ...] = ("text",)
    libraries: tuple[str, ...] = ()
    package = ""

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        return None

    def native(self, file: File, name: str) -> object:
        return file.read_bytes().decode("utf-8-sig")

    def owns(self, native: object) -> bool:
        return False

    def array(self, native: Any) -> object:
        return native


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"holds {text[:40]}, which no number of 64 bits is")
    return number


def _refuse(constant: str) -> object:
    raise ValueError(f"holds {constant}, which is no number of JSON")


JSON_READER = _JsonReader()
TEXT_READER = _TextReader()
