"""`proctor serve`: a model as a web service on this machine, the model itself in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import HostOption
from proctor.cli.output import plain, say

if TYPE_CHECKING:
    from socket import socket

    from proctor.cli.local_runs import Keep
    from proctor.spec.limits import Limits
    from proctor.template.card import Card
    from proctor_runner.sandbox.interface import Program
    from proctor_runner.workshop import RunTools

_ADDRESS = "127.0.0.1"
_PORTS_TRIED = 20
_SUBMISSION = "sub_"


class _Model(NamedTuple):
    """A model ready to be started.

    Attributes:
        folder: Its folder on this host, or where card and samples of an image were copied to.
    """

    program: Program
    folder: Path
    limits: Limits


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
    sandbox: Annotated[
        str, typer.Option("--sandbox", help="docker, process (for models you trust), or auto.")
    ] = "auto",
    host: HostOption = None,
) -> None:
    """Serve a model on this machine: a page to try it, ModelHub's calls, MAX's calls, OpenAPI."""
    from proctor.cli.running import ignore_signals, stop_on_terminate
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
        tools, found = stack.enter_context(_opened(model, sandbox, host, state))
        (state / "answers").mkdir()
        backend = SandboxBackend(
            tools.bench.sandbox,
            found.program,
            _card_of(found.folder),
            found.folder,
            found.limits,
            state / "answers",
            told=_tell_log,
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


@contextmanager
def _opened(
    name: str, sandbox: str, host: str | None, state: Path
) -> Iterator[tuple[RunTools, _Model]]:
    """Give a sandbox and the model in it, ready to be started."""
    from proctor.cli.local_runs import images_folder
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.workshop import SandboxWorkshop

    archive = _archive_of(name, host, state)
    used = usable_sandbox(sandbox, images_folder(), say)
    if archive is not None and used == "process" and sandbox != used:
        raise CommandError(
            "Without Docker the archive's model would run with your rights.",
            "Start Docker; or, if you trust whoever made it, give --sandbox process.",
        )
    (state / "cases").mkdir()
    with ExitStack() as kept:
        tools = kept.enter_context(SandboxWorkshop(used, state, "local").open(state / "cases"))
        if archive:
            yield tools, _from_archive(archive, tools, state)
        else:
            yield tools, _from_here(name, tools, state, kept.enter_context)


def _archive_of(name: str, host: str | None, state: Path) -> Path | None:
    """Return the archive that a name stands for, fetched from the platform if need be."""
    from proctor.cli.connection import connect
    from proctor.spec.archive import ArchiveKind

    path = Path(name)
    if path.suffix == ".zip" and path.is_file():
        return path
    if path.exists() or not name.startswith(_SUBMISSION):
        return None
    fetched = state / "archive.zip"
    say(f"Fetching the archive of {name}.")
    with connect(host) as client:
        client.archive(name, ArchiveKind.PUBLIC, fetched)
    return fetched


def _from_archive(path: Path, tools: RunTools, state: Path) -> _Model:
    from proctor.cli.archive_file import open_archive
    from proctor_runner.archived_run import archived_program, work_of
    from proctor_runner.local import LocalDesk

    (state / "files").mkdir()
    with open_archive(path) as archive:
        manifest = archive.manifest
        if not manifest.rerunnable:
            raise CommandError(
                f"{path} holds predictions that were entered, not a model: there is nothing to"
                " serve."
            )
        blobs = archive.unpack(state / "files")
    work = work_of(manifest, blobs)[0]
    desk = LocalDesk(blobs, state / "stored", lambda _stage, _done, _total: None)
    program = archived_program(work, desk, tools, state / "model")
    return _Model(program, _shown_folder(program, tools, state), work.local.limits)


def _from_here(name: str, tools: RunTools, state: Path, keep: Keep) -> _Model:
    from proctor.cli.local_runs import model_of
    from proctor.spec.limits import Limits
    from proctor_runner.local import LocalDesk
    from proctor_runner.local_model import prepare
    from proctor_runner.model_folder import permitted

    desk = LocalDesk({}, state / "stored", lambda _stage, _done, _total: None)
    model = model_of(name, keep)
    _, program = prepare(model, None, desk, tools, state / "model")
    limits = permitted(Limits(), model)
    return _Model(program, _shown_folder(program, tools, state), limits)


def _shown_folder(program: Program, tools: RunTools, state: Path) -> Path:
    """Return the model's folder; of an image, where its card and samples were copied to."""
    if program.model_folder is not None:
        return program.model_folder
    folder = state / "shown"
    folder.mkdir()
    tools.shelf.copy_shown(program.image_id, folder)
    return folder


def _card_of(folder: Path) -> Card:
    from proctor.template.card import CardError, read_card

    try:
        return read_card(folder)
    except CardError as error:
        raise CommandError(f"The model's card cannot be used: {error}.") from error


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
