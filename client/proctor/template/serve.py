"""Speaks the `serve` protocol: load once, then answer one case a line.

`{"ready":1}` goes out when the model is loaded. For each line `{"id":"<id>"}` that comes in, the
case in `<input>/<id>/` is answered into `<output>/<id>/`, and `{"id":"<id>","ok":1}` or
`{"id":"<id>","error":"<why>"}` goes out. The end of the lines ends the program.

The hard part is that model and protocol share a process: the protocol keeps descriptors of its own,
so whatever a model prints is log, and whatever it reads is empty.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import BinaryIO

from . import failures
from .case import CaseError
from .engine import Engine, ModelError

MOST_LINE_BYTES = 64 * 1024
REQUEST_FILE = "request.json"
"""In place of `case.json`: somebody tries the model; see `rest.boxed`."""

_MOST_ERROR_CHARACTERS = 1000


class ProtocolError(Exception):
    """What came in is not the protocol; whoever speaks to this program is wrong."""


class Line:
    """The two descriptors that the program was started with, out of a model's reach."""

    def __init__(self, incoming: BinaryIO, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    @classmethod
    def keep(cls) -> Line:
        """Take over standard input and output: they become empty and the log."""
        incoming, outgoing = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(open(incoming, "rb"), outgoing)

    def send(self, **message: object) -> None:
        """Write one message, after all that was printed before it."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._outgoing, data) :]

    def next_id(self) -> str | None:
        """Return the id that is asked for next, None at the end.

        Raises:
            ProtocolError: The line is too long or names no id.
        """
        line = self._incoming.readline(MOST_LINE_BYTES + 1)
        if not line:
            return None
        if len(line) > MOST_LINE_BYTES:
            raise ProtocolError(f"A line of more than {MOST_LINE_BYTES} bytes was sent.")
        try:
            case_id = json.loads(line)["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ProtocolError(f'A line {{"id": "<id>"}} was expected, not {line!r}.') from error
        if not isinstance(case_id, str) or case_id in ("", ".", "..") or "/" in case_id:
            raise ProtocolError(f"An id that can name a folder was expected, not {case_id!r}.")
        return case_id


def serve(
    line: Line, model: Path, input_folder: Path, output_folder: Path, seed: int | None
) -> None:
    """Load ``model`` and answer cases until no more are asked for.

    Raises:
        ModelError: The model cannot start.
        ProtocolError: Something else than an id was asked for.
    """
    engine = Engine.start(model, seed or 0)
    line.send(ready=1)
    while True:
        case_id = line.next_id()
        if case_id is None:
            return
        error = _answer(engine, model, input_folder / case_id, output_folder / case_id, seed)
        if error:
            line.send(id=case_id, error=error[:_MOST_ERROR_CHARACTERS])
        else:
            line.send(id=case_id, ok=1)


def answer(engine: Engine, input_folder: Path, output_folder: Path, seed: int | None) -> None:
    """Answer what lies in a folder: a case, or a request of whoever tries the model.

    Raises:
        CaseError: It cannot be read.
        ModelError: The model failed on it.
    """
    if (input_folder / REQUEST_FILE).exists():
        # Who is examined does not pay for the import of what serves.
        from .rest.boxed import answer_request

        answer_request(engine, input_folder, output_folder)
    else:
        engine.answer(input_folder, output_folder, seed)


def _answer(
    engine: Engine, model: Path, input_folder: Path, output_folder: Path, seed: int | None
) -> str:
    """Answer one case, or one request; return why not, as printed, or nothing."""
    try:
        answer(engine, input_folder, output_folder, seed)
    except ModelError as error:
        failures.show(error, model)
        message = str(error)
    except CaseError as error:
        message = str(error)
    else:
        return ""
    print(message, file=sys.stderr)
    return message
