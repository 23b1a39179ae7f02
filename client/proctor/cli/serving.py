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
    from collections.abc import Callable
    from socket import socket

    from proctor_runner.sandbox.interface import Inside
    from proctor_runner.serving.sandbox_backend import SandboxBackend

_ADDRESS = "127.0.0.1"
_PORTS_TRIED = 20
_NOTEBOOK_PORT = 8888


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
    shell: Annotated[
        bool, typer.Option("--shell", help="Open a shell in the model's sandbox.")
    ] = False,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Open a Jupyter beside it, behind a token.")
    ] = False,
    weights: WeightsOption = None,
    contract: ContractOption = None,
    sandbox: SandboxOption = "auto",
    host: HostOption = None,
) -> None:
    """Serve a model on this machine: a page to try it, ModelHub's calls, MAX's calls, OpenAPI."""
    from proctor.cli import serve_beside
    from proctor.cli.running import ignore_signals, stop_on_terminate
    from proctor.cli.served_models import Named, opened
    from proctor.template.rest.settings import LOCAL_HOSTS, Settings
    from proctor.template.rest.starting import served

    if shell:
        serve_beside.require_terminal()
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
        backend = found.backend(
            tools.bench.sandbox,
            state / "answers",
            _kept_in(state / "model.log") if shell else _tell_log,
        )
        stack.callback(backend.stop)
        listening = _listen(port)
        service = stack.enter_context(served(backend, listening, settings))
        address = f"http://{_ADDRESS}:{listening.getsockname()[1]}"
        say(f"Try it      {address}/")
        say(f"Calls       {address}/docs")
        with suppress(KeyboardInterrupt):
            inside = _started(backend) if shell or notebook else None
            if inside is not None and notebook:
                beside = serve_beside.notebook(inside, address, _listen(_NOTEBOOK_PORT))
                say(f"Notebook    {stack.enter_context(beside)}")
            if inside is not None and shell:
                stack.callback(service.run_aside().join)
                stack.callback(service.close)
                serve_beside.open_shell(inside)
            else:
                say("Ctrl-C ends it.")
                service.run()
        ignore_signals()
        say("Stopping.")


def _started(backend: SandboxBackend) -> Inside:
    """Start the model now, since somebody wants to be beside it.

    Raises:
        CommandError: It cannot be started.
        PlatformError: The sandbox failed.
    """
    failed = backend.start()
    inside = backend.inside()
    if failed is not None or inside is None:
        why = failed.detail if failed is not None else "It has ended."
        raise CommandError(f"The model could not be started. {why}")
    return inside


def _listen(port: int) -> socket:
    from proctor.template.rest.server import listen_on

    for candidate in range(port, min(port + _PORTS_TRIED, 65_536)):
        try:
            return listen_on(_ADDRESS, candidate)
        except OSError:
            continue
    raise CommandError(f"No port from {port} on is free.", "Name another with --port.", Exit.USAGE)


def _kept_in(log: Path) -> Callable[[str], None]:
    """Write what the model prints to a file: the terminal is the shell's."""
    say(f"What the model prints is in {log} meanwhile.")

    def keep(text: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    return keep


def _tell_log(text: str) -> None:
    for line in text.splitlines():
        say(f"  | {plain(line)}")
