"""Serves a model from the sandbox on this machine and makes ModelHub's calls, all of them.

The service listens on the loopback address alone; the model behind it has no network. What comes
back is compared with the card, and with what comes back the second time, and when the same file is
uploaded or fetched from its address.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote
from zipfile import is_zipfile

from proctor.spec.card.examination import Check
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import ParticipantError
from proctor.template.card import Card, CardError, parse_card, read_card
from proctor.template.rest.server import listen_on
from proctor.template.rest.settings import LOCAL_HOSTS, Settings
from proctor.template.rest.starting import served
from proctor_runner.examination.subject import Subject
from proctor_runner.examination.verdicts import Question
from proctor_runner.local import LocalDesk
from proctor_runner.local_model import prepare
from proctor_runner.serving.exchange import Exchange
from proctor_runner.serving.foreign import exchange_of
from proctor_runner.serving.sandbox_backend import SandboxBackend
from proctor_runner.serving.shown import foreign_card, shown_folder
from proctor_runner.workshop import SandboxWorkshop

REST = Question("rest", "It answers its first sample through REST, the same twice")
_ADDRESS = "127.0.0.1"
_CALLS = ("get_config", "get_legal", "get_model_io", "get_samples")
# Of an answer's outputs, what a card says of them and what must not change.
_NAMED = ("name", "type")
_SAME = ("name", "type", "shape")
_NO_INPUTS = frozenset({"format", "description"})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_MOST_ANSWER_BYTES = 64 << 20


class _CallError(Exception):
    """A call was not answered as it must be; the text says which and how."""


def rest_check(subject: Subject, sandbox: str, limits: Limits) -> Check:
    """Serve the model, make ModelHub's calls, and judge the answers."""
    exchange = None
    if subject.contract is not None:
        try:
            exchange = exchange_of(subject.contract)
        except ParticipantError as error:
            return REST.skipped(error.detail)
    elif subject.card is None or subject.card.io is None:
        return REST.skipped("The card has no io, which a service needs to know inputs by.")
    elif Protocol.SERVE not in subject.card.protocols:
        return REST.skipped("It does not declare serve, which a service speaks to it.")
    try:
        with _service(subject, sandbox, limits, exchange) as port:
            return _judged(port, subject)
    except CardError as error:
        return REST.failed(f"{error}.", "Mend `io` in model.json.")
    except (_CallError, OSError, HTTPException, ValueError) as error:
        return REST.failed(f"{error}.", "`proctor serve` starts the same service, with its log.")


def _judged(port: int, subject: Subject) -> Check:
    answers = {call: _get(port, f"/api/{call}") for call in _CALLS}
    name = answers["get_config"].get("meta", {}).get("name")
    if subject.card is not None and name != subject.card.name:
        raise _CallError(f"get_config calls the model {name!r}, not {subject.card.name!r}")
    samples = answers["get_samples"]
    if not samples:
        return REST.passed(f"{len(_CALLS)} calls; there is no sample to be tried with.")
    first = unquote(str(samples[0]).rpartition("/api/samples/")[2])
    path = f"/api/predict_sample?filename={quote(first)}"
    once, again = (_get(port, path)["output"] for _ in range(2))
    calls = len(_CALLS) + 1 + _files_call(port, subject)
    declared = [_part(one, _NAMED) for one in answers["get_model_io"]["output"]]
    # A model of another system calls its outputs by names of its own.
    if subject.contract is None and [_part(one, _NAMED) for one in once] != declared:
        raise _CallError(
            f"predict_sample answers {_said(once)}; the card declares {_said(declared)}"
        )
    if [_compared(one) for one in once] != [_compared(one) for one in again]:
        return REST.failed(
            f"{first} is answered differently the second time.",
            "Keep nothing from one question to the next, and seed what is drawn.",
        )
    if len(answers["get_model_io"]["input"].keys() - _NO_INPUTS) == 1:
        for how, answer in _other_ways(port, first, str(samples[0])):
            calls += 1
            if [_compared(one) for one in answer["output"]] != [_compared(one) for one in once]:
                return REST.failed(
                    f"{first} is answered differently {how}.",
                    "Look at the file alone, not at what it is called.",
                )
    return REST.passed(f"{calls} calls, and {first} twice: {_said(once)}.")


def _files_call(port: int, subject: Subject) -> int:
    """Have the files of a folder sent, and return how many calls that took.

    Raises:
        _CallError: What comes is no archive of them.
    """
    if not isinstance(subject.model, Path) or not subject.model.is_dir():
        return 0
    sizes = (path.stat().st_size for path in subject.model.rglob("*") if path.is_file())
    if sum(sizes) > _MOST_ANSWER_BYTES:
        return 0
    content = _asked(port, "GET", "/api/get_model_files")
    if not is_zipfile(BytesIO(content)):
        raise _CallError("/api/get_model_files sends no zip archive")
    return 1


def _other_ways(port: int, name: str, address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Upload a sample, and name its address; give how it was asked and the answer."""
    content = _asked(port, "GET", f"/api/samples/{quote(name)}")
    mark = secrets.token_hex(16)
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{quote(name)}"'
    body = f"{head}\r\n\r\n".encode() + content + f"\r\n--{mark}--\r\n".encode()
    sent = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    yield "when it is uploaded", json.loads(_asked(port, "POST", "/api/predict", body, sent))
    path = f"/api/predict?fileurl={quote(address, safe='')}"
    yield "when its address is given", json.loads(_asked(port, "GET", path))


@contextmanager
def _service(
    subject: Subject, sandbox: str, limits: Limits, exchange: Exchange | None
) -> Iterator[int]:
    """Serve the model and give the port."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(TemporaryDirectory(prefix="proctor-test-rest-")))
        for name in ("cases", "answers"):
            (state / name).mkdir()
        workshop = SandboxWorkshop(sandbox, state, "local")
        tools = stack.enter_context(workshop.open(state / "cases"))
        desk = LocalDesk({}, state / "stored", lambda _stage, _done, _total: None)
        _, program = prepare(
            subject.model, subject.weights, desk, tools, state / "model", subject.contract
        )
        folder = shown_folder(program, tools.shelf, state / "shown")
        backend = SandboxBackend(
            tools.bench.sandbox,
            program,
            _card(subject, folder),
            folder,
            limits,
            state / "answers",
            exchange=exchange,
        )
        stack.callback(backend.stop)
        listening = listen_on(_ADDRESS, 0)
        port = int(listening.getsockname()[1])
        # Its own samples are all that it may fetch.
        settings = Settings(hosts=LOCAL_HOSTS, url_hosts=(f"{_ADDRESS}:{port}",))
        with served(backend, listening, settings) as service:
            answering = service.run_aside()
            yield port
        # The sandbox must not be closed under a thread that is still in it.
        answering.join()


def _card(subject: Subject, folder: Path) -> Card:
    if subject.contract is None:
        return read_card(folder)
    if subject.card is not None:
        return parse_card(subject.card.model_dump(mode="json", exclude_defaults=True))
    return foreign_card(folder, subject.name, lambda _text: None)


def _get(port: int, path: str) -> Any:
    return json.loads(_asked(port, "GET", path))


def _asked(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
) -> bytes:
    """Return the body of an answer.

    Raises:
        _CallError: It is a refusal.
    """
    connection = HTTPConnection(_ADDRESS, port, timeout=600)
    try:
        connection.request(method, path, body or None, dict(headers))
        response = connection.getresponse()
        data = response.read(_MOST_ANSWER_BYTES)
        if response.status != 200:
            document = json.loads(data)
            told = document.get("error", "") if isinstance(document, dict) else ""
            raise _CallError(
                f"{method} {path.partition('?')[0]} is answered with {response.status}:"
                f" {told}".rstrip(".")
            )
        return data
    finally:
        connection.close()


def _part(output: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: output.get(name) for name in names}


def _compared(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same again: of what comes as a file, its shape."""
    value = output.get("prediction")
    kept = _part(output, _SAME)
    return kept if isinstance(value, str) and "/api/output/" in value else kept | {"value": value}


def _said(outputs: list[Any]) -> str:
    return ", ".join(f"{one.get('name')} ({one.get('type')})" for one in outputs) or "nothing"
