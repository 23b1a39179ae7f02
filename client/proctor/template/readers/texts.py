"""JSON and plain text, both in UTF-8."""

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
            return json.loads(file.read_bytes().decode("utf-8"), parse_constant=_refuse)
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
        return file.read_bytes().decode("utf-8")

    def owns(self, native: object) -> bool:
        return False

    def array(self, native: Any) -> object:
        return native


def _refuse(constant: str) -> object:
    raise ValueError(f"holds {constant}, which is no number of JSON")


JSON_READER = _JsonReader()
TEXT_READER = _TextReader()
