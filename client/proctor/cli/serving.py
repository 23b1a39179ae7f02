"""`proctor serve`: a model as a web service on this machine, the model itself in a sandbox."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import ContractOption, HostOption, SandboxOption, WeightsOption
from proctor.cli.output import plain, say

if TYPE_CHECKING:
    from socket import socket

_ADDRESS = "127.0.0.1"
_PORTS_TRIED = 20


def serve(
    model: Annotated[
        str,
        typer.Argument(
            help="A model folder, an .onnx file, an image, an archive, or a submission's id."
        ),
    ],
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_535, help="The port, or the next free one.")
    ] = 8080,
    allow_url_host: Annotated[
        list[str] | None,
        typer.Option("--allow-url-host", metavar="HOST", help="Fetch inputs by URL from there."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="Let pages of that site call it."),
    ] = None,
    weights: WeightsOption = None,
    contract: ContractOption = None,
    sandbox: SandboxOption = "auto",
    host: HostOption = None,
) -> None:
    """Serve a model on this machine: a page to try it, ModelHub's calls, MAX's calls, OpenAPI."""
    from proctor.cli.running import ignore_signals, stop_on_terminate
    from proctor.cli.served_models import Named, opened
    from proctor.template.rest.settings import LOCAL_HOSTS, Settings
    from proctor.template.rest.starting import served
    from proctor_runner.serving.sandbox_backend import SandboxBackend

    stop_on_terminate()
    settings = Settings(
        hosts=LOCAL_HOSTS,
        url_hosts=tuple(allow_url_host or ()),
        origins=frozenset(allow_origin or ()),
    )
    with ExitStack() as stack:
        state = Path(stack.enter_context(TemporaryDirectory(prefix="proctor-serve-")))
        named = Named(model, weights, contract)
        tools, found = stack.enter_context(opened(named, sandbox, host, state))
        (state / "answers").mkdir()
        backend = SandboxBackend(
            tools.bench.sandbox,
            found.program,
            found.card,
            found.folder,
            found.limits,
            state / "answers",
            told=_tell_log,
            exchange=found.exchange,
        )
        stack.callback(backend.stop)
        listening = _listen(port)
        service = stack.enter_context(served(backend, listening, settings))
        address = f"http://{_ADDRESS}:{listening.getsockname()[1]}"
        say(f"Try it      {address}/")
        say(f"Calls       {address}/docs")
        say("Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            service.run()
        ignore_signals()
        say("Stopping.")


def _listen(port: int) -> socket:
    from proctor.template.rest.server import listen_on

    for candidate in range(port, min(port + _PORTS_TRIED, 65_536)):
        try:
            return listen_on(_ADDRESS, candidate)
        except OSError:
            continue
    raise CommandError(f"No port from {port} on is free.", "Name another with --port.", Exit.USAGE)


def _tell_log(text: str) -> None:
    for line in text.splitlines():
        say(f"  | {plain(line)}")
