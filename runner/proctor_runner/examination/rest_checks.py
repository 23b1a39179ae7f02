"""Serves a model from the sandbox on this machine and makes ModelHub's calls, sample and all.

The service listens on the loopback address alone; the model behind it has no network. What comes
back is compared with the card, and with what comes back the second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

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
    first = str(samples[0]).rpartition("/api/samples/")[2]
    path = f"/api/predict_sample?filename={quote(first)}"
    once, again = (_get(port, path)["output"] for _ in range(2))
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
    return REST.passed(f"{len(_CALLS)} calls, and {first} twice: {_said(once)}.")


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
        with served(backend, listening, Settings(hosts=LOCAL_HOSTS)) as service:
            answering = service.run_aside()
            yield int(listening.getsockname()[1])
        # The sandbox must not be closed under a thread that is still in it.
        answering.join()


def _card(subject: Subject, folder: Path) -> Card:
    if subject.contract is None:
        return read_card(folder)
    if subject.card is not None:
        return parse_card(subject.card.model_dump(mode="json", exclude_defaults=True))
    return foreign_card(folder, subject.name, lambda _text: None)


def _get(port: int, path: str) -> Any:
    connection = HTTPConnection(_ADDRESS, port, timeout=600)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        data = response.read(_MOST_ANSWER_BYTES)
        document = json.loads(data)
        if response.status != 200:
            told = document.get("error", "") if isinstance(document, dict) else ""
            raise _CallError(f"{path} is answered with {response.status}: {told}".rstrip("."))
        return document
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
