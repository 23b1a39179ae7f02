"""Asks every address that the document of all routes knows, with everything one may put into it."""

from __future__ import annotations

import itertools
import string
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx2

_LAYER_BYTES = 1 << 20


class Answer(NamedTuple):
    address: str
    status: int
    content: bytes


Values = Mapping[str, Sequence[str]]
Senseless = Callable[[str, Mapping[str, str]], bool]


def addresses(document: Mapping[str, Any], values: Values, senseless: Senseless) -> Iterator[str]:
    """Yield every address of a GET route, and each once more with every query it knows.

    Args:
        document: the OpenAPI document.
        values: what may stand for a parameter, by its name. For one that is not among them
            everything may.
        senseless: tells that a route has no use for some parameters, to save time.
    """
    everything = sorted({value for some in values.values() for value in some})
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        queries = list(_queries(methods["get"].get("parameters", ()), values))
        names = [name for _, name, _, _ in string.Formatter().parse(path) if name]
        for chosen in itertools.product(*(values.get(name, everything) for name in names)):
            filled = dict(zip(names, chosen, strict=True))
            address = path.format(
                **{name: quote(value, safe=":") for name, value in filled.items()}
            )
            for query in ({}, *queries):
                if not senseless(path, filled | query):
                    yield f"{address}?{urlencode(query)}" if query else address


def _queries(parameters: Sequence[Mapping[str, Any]], values: Values) -> Iterator[dict[str, str]]:
    needed = {one["name"] for one in parameters if one["in"] == "query" and one.get("required")}
    always = {name: values.get(name, ("1",))[0] for name in needed}
    if always:
        yield always
    for one in parameters:
        if one["in"] != "query":
            continue
        switch = any(kind.get("type") == "boolean" for kind in (one["schema"], *_either(one)))
        for value in ("true",) if switch else values.get(one["name"], ()):
            yield always | {one["name"]: value}


def _either(parameter: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = parameter["schema"].get("anyOf", ())
    return found


def ask(url: str, token: str | None, wanted: Iterator[str]) -> Iterator[Answer]:
    """Ask every address as somebody, or as nobody in particular."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(base_url=url, headers=headers, timeout=120) as client:
        for address in wanted:
            with client.stream("GET", address) as answer:
                heads = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
                zipped = answer.headers.get("Content-Type") == "application/zip"
                content = _members(answer) if zipped else answer.read()
            yield Answer(address, answer.status_code, heads.encode() + content)


def _members(answer: httpx2.Response) -> bytes:
    """Return names and contents of an archive; of layers of images the names alone."""
    with tempfile.TemporaryFile() as file:
        for piece in answer.iter_bytes():
            file.write(piece)
        with zipfile.ZipFile(file) as archive:
            return b"\n".join(
                item.filename.encode()
                + (archive.read(item) if item.file_size <= _LAYER_BYTES else b"")
                for item in archive.infolist()
            )
