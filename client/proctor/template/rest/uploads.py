"""Turns a request into files by input name, whatever way the inputs are sent.

What is small stays in memory, as files that nobody has written yet.

| request | what its fields are |
|---|---|
| a form | a file or a text for each input; `file` and `image` stand for the only one |
| JSON | for each input `{"fileurl": ...}`, `{"data": base64}` or `{"value": ...}`, or a text |
| anything else | the bytes of the only input |

A file is called like its input; of the sender's name for it only a known suffix is kept, because
kinds of text are told by it. What the content is, the engine decides.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from ..formats import FORMATS, claimed, formats_named
from ..held import File, HeldFile
from .failures import RefusedError, too_large, unreadable
from .multipart import Part, read_form
from .samples import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..card import Card
    from .fetching import UrlFetcher
    from .messages import Request
    from .samples import Samples

ONLY_INPUT = ("file", "image")
"""What ModelHub and MAX call the file of a model with one input."""

SAMPLE_PATH = "/api/samples/"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_MOST_JSON_BYTES = 64 << 20
_MOST_BATCH = 256
_MOST_FIELD_BYTES = 1 << 20


@dataclass
class Question:
    """What was sent.

    Attributes:
        inputs: Files by input name.
        fields: What else the request says, such as `threshold`.
        texts: Further texts for the only input, each a question of its own.
    """

    inputs: dict[str, File]
    fields: dict[str, str] = field(default_factory=dict)
    texts: tuple[File, ...] = ()


class Uploads:
    """Reads requests for one model.

    Args:
        parameters: Names of fields that are no inputs.
    """

    def __init__(
        self, card: Card, samples: Samples, fetcher: UrlFetcher, parameters: Iterable[str] = ()
    ) -> None:
        self._card = card
        self._samples = samples
        self._fetcher = fetcher
        self._parameters = frozenset(parameters)

    def read(self, request: Request, folder: Callable[[], Path], is_small: bool) -> Question:
        """Return what a request sends.

        Args:
            folder: Returns an empty folder for what becomes a file.
            is_small: Whether it may be held in memory.

        Raises:
            RefusedError: It is not what this model takes.
        """
        reader = _Reader(self, request, folder, is_small)
        kind = request.content_type
        if request.method in ("GET", "HEAD"):
            reader.from_query()
        elif kind == "multipart/form-data":
            reader.from_form()
        elif kind == "application/json":
            reader.from_document(read_document(request.body.whole(_MOST_JSON_BYTES)))
        else:
            reader.from_bytes(kind)
        self.refuse_missing(reader.question.inputs)
        return reader.question

    def refuse_missing(self, inputs: Mapping[str, object]) -> None:
        """Refuse a question that leaves an input out.

        Raises:
            RefusedError: It does; the sentence names it.
        """
        for name in self._card.inputs:
            if name not in inputs:
                raise RefusedError(
                    422,
                    "missing_input",
                    f"The input {name!r} is missing; this model takes {self._taken()}.",
                    field=name,
                )
        if not inputs:
            raise RefusedError(422, "missing_input", "The request holds no input.", field="file")

    def input_called(self, field_name: str) -> str:
        """Return the input that a field stands for.

        Raises:
            RefusedError: There is none.
        """
        inputs = self._card.inputs
        if field_name in inputs:
            return field_name
        if not inputs and _NAME.match(field_name):
            return "input" if field_name in ONLY_INPUT else field_name
        if field_name in ONLY_INPUT and len(inputs) == 1:
            return next(iter(inputs))
        raise RefusedError(
            422,
            "unknown_input",
            f"There is no input {field_name[:80]!r}; this model takes {self._taken()}.",
            field=field_name[:80],
        )

    def only_input(self) -> str:
        """Return the name of the only input.

        Raises:
            RefusedError: There are more, so they have to be named.
        """
        return self.input_called(ONLY_INPUT[0])

    def is_parameter(self, name: str) -> bool:
        """Tell whether a field is none of an input."""
        return name in self._parameters and name not in self._card.inputs

    def is_text(self, name: str) -> bool:
        """Tell whether an input is a text, so that a plain field can say it."""
        rule = self._card.inputs.get(name)
        return rule is None or rule.type == "text"

    def takes_many(self) -> bool:
        """Tell whether the model takes more than one input."""
        return len(self._card.inputs) > 1

    def own_file(self, url: str, host: str, prefix: str) -> Path | None:
        """Return a sample that a URL of this very service, or a path, names.

        Raises:
            RefusedError: It is no URL.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise unreadable("The URL cannot be read.") from error
        if not parts.scheme and not parts.netloc:
            return self._samples.find(_below(parts.path, prefix))
        if parts.netloc == host and parts.path.startswith(prefix + SAMPLE_PATH):
            return self._samples.find(_below(parts.path, prefix))
        return None

    def fetch(self, url: str, stream: BinaryIO, field_name: str) -> None:
        """Fetch from an allowed host; see `UrlFetcher.fetch`."""
        self._fetcher.fetch(url, stream, field_name)

    def _taken(self) -> str:
        return ", ".join(repr(name) for name in self._card.inputs) or "any"


class _Reader:
    """Reads one request."""

    def __init__(
        self, uploads: Uploads, request: Request, folder: Callable[[], Path], is_small: bool
    ) -> None:
        self._uploads = uploads
        self._request = request
        self._folder = folder
        self._is_small = is_small
        self.question = Question({})

    def from_query(self) -> None:
        self._take_query()
        url = self._request.query.get("fileurl")
        if url is not None:
            self._from_url(self._uploads.only_input(), url)

    def from_bytes(self, kind: str) -> None:
        self._take_query()
        if self._request.body.is_over:
            raise RefusedError(
                422, "missing_input", "The request holds no input.", field=ONLY_INPUT[0]
            )
        name = self._uploads.only_input()
        with self._input(name, "", kind).open("wb") as stream:
            for piece in self._request.body.pieces():
                stream.write(piece)

    def from_form(self) -> None:
        self._take_query()
        fields: dict[str, File] = {}
        documents: list[File] = []

        def sink(part: Part) -> BinaryIO:
            number = len(fields) + len(documents)
            if self._uploads.is_parameter(part.name):
                fields[part.name] = self._file(f"field-{number}")
                return fields[part.name].open("wb")
            if self._is_document(part):
                documents.append(self._file(f"document-{number}"))
                return documents[-1].open("wb")
            name = self._uploads.input_called(part.name)
            if name in self.question.inputs:
                raise unreadable(f"The input {name!r} is there twice.", name)
            return self._input(name, part.file_name or "text.txt", part.media_type).open("wb")

        content_type = self._request.headers.get("content-type", "")
        read_form(content_type, self._request.body.pieces(), sink)
        for name, file in fields.items():
            content = _read(file, _MOST_FIELD_BYTES)
            if content is None:
                raise unreadable("A field that is no input is too long.")
            self.question.fields[name] = content.decode("utf-8", "replace")
        for file in documents:
            content = _read(file, _MOST_JSON_BYTES)
            if content is None:
                raise too_large(_MOST_JSON_BYTES)
            self.from_document(read_document(content))

    def from_document(self, document: Mapping[str, Any]) -> None:
        self._take_query()
        for key, entry in document.items():
            if key == "format" and isinstance(entry, list):
                continue
            if self._uploads.is_parameter(key) and not isinstance(entry, (dict, list)):
                self.question.fields[key] = str(entry)
                continue
            name = self._uploads.input_called(key)
            if isinstance(entry, list) and self._is_batch(name, entry):
                self._take_batch(name, entry)
            elif isinstance(entry, dict) and {"fileurl", "data", "value"} & set(entry):
                self._from_entry(name, entry)
            else:
                self._write_value(name, entry)

    def _from_entry(self, name: str, entry: Mapping[str, Any]) -> None:
        if "fileurl" in entry:
            self._from_url(name, str(entry["fileurl"]))
        elif "data" in entry:
            try:
                content = base64.b64decode(str(entry["data"]), validate=True)
            except (binascii.Error, ValueError) as error:
                raise unreadable(f"The data of {name!r} is not base64.", name) from error
            kind = entry.get("format") or entry.get("type") or ""
            kind = kind[0] if isinstance(kind, list) and kind else kind
            file_name = str(entry.get("file_name") or "")
            self._input(name, file_name, str(kind)).write_bytes(content)
        else:
            self._write_value(name, entry["value"])

    def _write_value(self, name: str, value: object) -> None:
        if isinstance(value, str) and self._uploads.is_text(name):
            _write_text(self._input(name, "text.txt"), value, name)
            return
        _write_text(self._input(name, "value.json"), json.dumps(value), name)

    def _from_url(self, name: str, url: str) -> None:
        own = self._uploads.own_file(url, self._request.host, self._request.prefix)
        if own is not None:
            self.question.inputs[name] = own
            return
        # How much comes from there, nobody knows.
        self._is_small = False
        with self._input(name, urlsplit(url).path).open("wb") as stream:
            self._uploads.fetch(url, stream, name)

    def _is_batch(self, name: str, entry: list[Any]) -> bool:
        texts = all(isinstance(one, str) for one in entry)
        return texts and bool(entry) and self._uploads.is_text(name) and not self.question.inputs

    def _take_batch(self, name: str, texts: list[str]) -> None:
        if len(texts) > _MOST_BATCH:
            raise unreadable(f"More than {_MOST_BATCH} texts were sent at once.", name)
        files = []
        for number, text in enumerate(texts):
            files.append(self._file("text.txt", str(number)))
            _write_text(files[-1], text, name)
        self.question.inputs[name] = files[0]
        self.question.texts = tuple(files[1:])

    def _is_document(self, part: Part) -> bool:
        """Tell whether a part is ModelHub's document of several inputs."""
        is_json = part.media_type == "application/json" or part.file_name.endswith(".json")
        return part.name in ONLY_INPUT and is_json and self._uploads.takes_many()

    def _take_query(self) -> None:
        for name, value in self._request.query.items():
            if self._uploads.is_parameter(name):
                self.question.fields[name] = value

    def _input(self, name: str, file_name: str, media_type: str = "") -> File:
        """Return the file of an input, still empty, and note it."""
        found = claimed(Path(file_name)) if file_name else None
        if found is not None:
            lower = file_name.lower()
            suffix = next(one for one in FORMATS[found].suffixes if lower.endswith(one))
        else:
            named = formats_named(media_type) if media_type else ()
            suffix = FORMATS[named[0]].suffixes[0] if named else ""
        stem = name if _NAME.match(name) else f"input-{len(self.question.inputs)}"
        file = self._file(f"{stem}{suffix}")
        self.question.inputs[name] = file
        return file

    def _file(self, name: str, under: str = "") -> File:
        """Return a file to be filled, in a folder of its own below the request's if one is said."""

        def folder() -> Path:
            if not under:
                return self._folder()
            (self._folder() / under).mkdir()
            return self._folder() / under

        return HeldFile(name, folder) if self._is_small else folder() / name


def _below(path: str, prefix: str) -> str:
    for start in (prefix + SAMPLE_PATH, SAMPLE_PATH):
        if path.startswith(start):
            return unquote(path[len(start) :])
    return unquote(path)


def _write_text(file: File, text: str, name: str) -> None:
    try:
        file.write_bytes(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise unreadable(f"The input {name!r} is no Unicode text.", name) from error


def _read(file: File, most_bytes: int) -> bytes | None:
    """Return what was sent; None where it is more than that."""
    with file.open("rb") as stream:
        content = stream.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None
