"""Takes a form with files apart while it arrives; nothing is held in memory but one piece.

The form decides neither where a part is kept nor how it is called there: a part's file name is a
text for people, and `sink` opens whatever it likes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .failures import RefusedError, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_PARTS = 64
_MOST_PART_HEAD_BYTES = 8 * 1024
_BOUNDARY = re.compile(r"""boundary=(?:"([^"\r\n]{1,200})"|([^\s;,"]{1,200}))""", re.IGNORECASE)
_PARAMETER = re.compile(
    r"""(?:^|;)[ \t]*(name|filename)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))"""
)
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Part:
    """What a form says of one part.

    Attributes:
        file_name: What the sender calls the file; empty for a plain field.
    """

    name: str
    file_name: str
    media_type: str


def read_form(
    content_type: str, pieces: Iterable[bytes], sink: Callable[[Part], BinaryIO]
) -> list[Part]:
    """Write each part of a form to what ``sink`` opens for it; it is closed again.

    Raises:
        RefusedError: This is no form, or one that is cut wrongly.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise unreadable("The form does not say in its content type where its parts end.")
    delimiter = b"\r\n--" + (found.group(1) or found.group(2)).encode("latin-1", "replace")
    form = _Form(iter(pieces), delimiter)
    form.skip_to_first()
    parts: list[Part] = []
    while not form.is_at_end():
        if len(parts) == _MOST_PARTS:
            raise unreadable(f"The form has more than {_MOST_PARTS} parts.")
        part = _part(form.head())
        parts.append(part)
        with sink(part) as stream:
            form.copy_to(stream)
    form.drop_rest()
    return parts


class _Form:
    """The bytes of a form, as far as they have come."""

    def __init__(self, pieces: Iterator[bytes], delimiter: bytes) -> None:
        self._pieces = pieces
        self._delimiter = delimiter
        # The first delimiter has no line before it.
        self._held = b"\r\n"

    def skip_to_first(self) -> None:
        while True:
            place = self._held.find(self._delimiter)
            if place >= 0:
                self._held = self._held[place + len(self._delimiter) :]
                return
            self._held = self._held[-len(self._delimiter) :]
            self._more("it has no first part")

    def is_at_end(self) -> bool:
        """Tell whether the delimiter that was just passed is the last."""
        while len(self._held) < 2:
            self._more("its last part does not end")
        return self._held.startswith(b"--")

    def head(self) -> bytes:
        """Return the headers of the part that begins here."""
        if not self._held.startswith(b"\r\n"):
            raise unreadable("The form is cut wrongly: a part does not begin on a line of its own.")
        while True:
            end = self._held.find(_END_OF_HEAD)
            if end >= 0:
                break
            if len(self._held) > _MOST_PART_HEAD_BYTES:
                raise RefusedError(431, "headers", "The headers of a part are too long.")
            self._more("the headers of a part do not end")
        if end > _MOST_PART_HEAD_BYTES:
            raise RefusedError(431, "headers", "The headers of a part are too long.")
        head, self._held = self._held[:end], self._held[end + len(_END_OF_HEAD) :]
        return head

    def copy_to(self, stream: BinaryIO) -> None:
        """Write the content of a part, up to the next delimiter."""
        keep = len(self._delimiter) - 1
        while True:
            place = self._held.find(self._delimiter)
            if place >= 0:
                stream.write(self._held[:place])
                self._held = self._held[place + len(self._delimiter) :]
                return
            if len(self._held) > keep:
                stream.write(self._held[:-keep])
                self._held = self._held[-keep:]
            self._more("a part does not end")

    def drop_rest(self) -> None:
        for _ in self._pieces:
            pass

    def _more(self, fault: str) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise unreadable(f"The form is cut wrongly: {fault}.")
        self._held += piece


def _part(head: bytes) -> Part:
    fields = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    kind, _, parameters = fields.get("content-disposition", "").partition(";")
    if kind.strip().lower() != "form-data":
        raise unreadable("A part of the form does not say which field it is.")
    said = {
        match.group(1): re.sub(r"\\(.)", r"\1", match.group(2))
        if match.group(2) is not None
        else match.group(3).strip()
        for match in _PARAMETER.finditer(parameters)
    }
    if not said.get("name"):
        raise unreadable("A part of the form does not say which field it is.")
    media_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    return Part(said["name"], said.get("filename", ""), media_type)
