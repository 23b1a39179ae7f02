"""The base class and the constrained types that every model of the published language shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails


class Spec(BaseModel):
    """A frozen value that refuses unknown fields, non-finite numbers and text that is none."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        # With any limit at all, half of a pair of surrogates is refused; nothing could write it.
        str_min_length=0,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("give a time zone, for example 2026-01-31T12:00:00Z")
    return moment.astimezone(UTC)


UtcDatetime = Annotated[datetime, AfterValidator(_in_utc)]
"""A moment with a time zone, kept in UTC and written as RFC 3339."""

_SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
_NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"
_CASE_ID = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,63})$"
_FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_DIGEST = r"^sha256:[0-9a-f]{64}$"

Slug = Annotated[str, Field(pattern=_SLUG)]
"""A name for people and addresses: lower-case letters, digits and inner hyphens."""

Name = Annotated[str, Field(pattern=_NAME)]
"""The name of an input, output, reference, metric or stratum."""

CaseId = Annotated[str, Field(pattern=_CASE_ID)]
"""A case's id; it is a file name's part, so it starts with a letter or a digit."""

Digest = Annotated[str, Field(pattern=_DIGEST)]
"""A SHA-256 digest, written ``sha256:<64 hex>``."""

FileName = Annotated[str, Field(pattern=_FILE_NAME)]
"""A plain file name without a folder."""

_ALLOWED = {
    _SLUG: "lower-case letters, digits and inner hyphens, 64 at most",
    _NAME: "a letter, then letters, digits, _ and -, 64 at most",
    _CASE_ID: "a letter or a digit, then letters, digits, dots, _ and -, 64 at most",
    _FILE_NAME: (
        "a letter or a digit, then letters, digits, dots, _ and -, 128 at most; no folder"
    ),
    _DIGEST: "sha256: and 64 hexadecimal digits",
}
"""What the patterns of names allow, for people; ``in_words`` says it."""


class FileRef(Spec):
    """A file by content: its digest and its size in bytes."""

    digest: Digest
    size: int = Field(ge=0)


def refuse_twice(what: str, names: Iterable[str]) -> None:
    """Refuse a list that names one thing twice.

    Raises:
        ValueError: it does; the message tells which.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} is given twice")


def field_path(location: Sequence[int | str]) -> str:
    """Write a place in a document.

    >>> field_path(("tasks", 0, "metrics", 1, "name"))
    'tasks[0].metrics[1].name'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


_ID = re.compile(r"\^(?P<prefix>[a-z]+_)\[0-9a-z\]\{26\}\$")
"""The pattern of an id of the platform's."""


def in_words(error: ErrorDetails) -> str:
    """Say what is wrong with a field to somebody who knows no regular expressions.

    >>> in_words({"type": "string_pattern_mismatch", "loc": ("slug",), "input": "A b",
    ...           "msg": "...", "ctx": {"pattern": r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"}})
    "'A b' is no name for it: lower-case letters, digits and inner hyphens, 64 at most"
    >>> in_words({"type": "string_pattern_mismatch", "loc": ("id",), "input": "sub_1",
    ...           "msg": "...", "ctx": {"pattern": r"^sub_[0-9a-z]{26}$"}})
    "'sub_1' is no such id: sub_ and 26 digits or lower-case letters"
    """
    pattern = str(error.get("ctx", {}).get("pattern"))
    if error["type"] == "string_pattern_mismatch":
        given = repr(str(error["input"])[:80])
        if allowed := _ALLOWED.get(pattern):
            return f"{given} is no name for it: {allowed}"
        if of_id := _ID.fullmatch(pattern):
            return f"{given} is no such id: {of_id['prefix']} and 26 digits or lower-case letters"
    return error["msg"].removeprefix("Value error, ")


def slug_from(text: str, otherwise: str) -> str:
    """Make a slug of a title or a file's name.

    >>> slug_from("U-Net (small)", "model"), slug_from("模型", "model")
    ('u-net-small', 'model')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-") or otherwise
