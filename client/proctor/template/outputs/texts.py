"""`text`: a text for each item. Plain form: a list of strings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .kind import Kind


def _check(value: object, asked: Asked) -> object:
    texts = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, Sequence) or isinstance(texts, bytes):
        raise OutputError(f"a text for each item was expected, not {type(value).__name__}")
    if asked.items and len(texts) != len(asked.items):
        raise OutputError(f"{len(texts)} texts for {len(asked.items)} items")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise OutputError(f"item {number} is {text!r}, which is no text")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise OutputError(f"item {number} is no Unicode text: {error}") from error
    if asked.suffix.endswith(".txt") and len(texts) != 1:
        raise OutputError(
            f"{asked.output.file} holds one text, and the case has {len(texts)} items"
        )
    return list(texts)


def _write(plain: Any, asked: Asked, path: Path) -> None:
    if asked.suffix.endswith(".txt"):
        path.write_bytes(plain[0].encode())
        return
    path.write_text(json.dumps(plain, ensure_ascii=False) + "\n", encoding="utf-8")


KIND = Kind(_check, _write, ("item",))
