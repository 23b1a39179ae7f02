"""`proctor worker` and `proctor workers`: enrol a host, and see what all of them do."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.spec.api import WorkerView
    from proctor.spec.work import Queue, Role, WorkerWelcome
    from proctor_runner.platform_api import PlatformApi
    from proctor_runner.settings import WorkerSettings

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


def worker(
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Where the platform answers.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="The worker's token, mode 0600.", dir_okay=False),
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="run or score; else what the token is good for.")
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", help="run.cpu, run.gpu or score.")] = None,
    slots: Annotated[
        int | None,
        typer.Option("--slots", min=1, help="Pieces of work at once; with run.gpu, one a GPU."),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option("--redis", metavar="URL", help="Be woken by it; else the platform is asked."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Shown to operators; the host's name by default.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Folder for cache, slots and scratch.")
    ] = None,
) -> None:
    """Do a platform's work on this host: one process a role and slot, until it is stopped.

    It needs the platform's address and a token (`proctor user token --worker run`). Whatever is not
    given as an option is taken from PROCTOR_* settings.
    """
    from proctor_runner.settings import WorkerSettings
    from proctor_runner.worker import main

    given: dict[str, Any] = {
        "platform_url": url,
        "redis_url": redis,
        "worker_name": name,
        "worker_state": state,
    }
    if token_file is not None or role is not None or queue is not None:
        wanted = _role_and_queue(role, queue)
        if token_file is not None:
            wanted = _enrolled(url, token_file, wanted)
        given |= _of_role(wanted, token_file, slots)
    elif slots is not None:
        given |= {"run_slots": slots, "score_slots": slots}
    chosen = {setting: value for setting, value in given.items() if value is not None}

    def read() -> WorkerSettings:
        return WorkerSettings(**chosen)

    raise typer.Exit(main(read))


def workers(host: HostOption = None, style: FormatOption = Format.TABLE) -> None:
    """List the workers: idle, busy with what, or silent since when (admins)."""
    with connect(host) as client:
        found = client.workers()
    if style is Format.TABLE and not found:
        say("No worker has asked for work yet; `proctor worker --url URL --token-file FILE` does.")
    emit(
        [_row(view) for view in found],
        style,
        document=[view.model_dump(mode="json") for view in found],
    )
    if style is Format.TABLE:
        # Workers of one host say the same.
        told = {(view.facts.host, problem) for view in found for problem in view.facts.problems}
        for name, problem in sorted(told):
            say(f"{name}: {problem}")


def _role_and_queue(role: str | None, queue: str | None) -> tuple[Role | None, Queue | None]:
    from proctor.spec.work import Queue, Role

    for kind, text in ((Role, role), (Queue, queue)):
        if text is not None and text not in set(kind):
            raise CommandError(
                f"There is no {kind.__name__.lower()} {text!r}.",
                f"Give one of {', '.join(kind)}.",
                Exit.USAGE,
            )
    found = Queue(queue) if queue else None
    roles = {Queue.SCORE: Role.SCORE, Queue.HOST: Role.HOST}
    needed = None if found is None else roles.get(found, Role.RUN)
    if role is not None and needed is not None and role != needed:
        raise CommandError(
            f"A worker of role {role} does not serve the queue {queue}.",
            "Leave --role out: the queue says it.",
            Exit.USAGE,
        )
    return (Role(role) if role else needed), found


def _enrolled(
    url: str | None, token_file: Path, wanted: tuple[Role | None, Queue | None]
) -> tuple[Role | None, Queue | None]:
    """Ask the platform what the token is good for, for as long as it takes to be answered."""
    from proctor_runner.platform_api import PlatformApi
    from proctor_runner.settings import SettingsError, WorkerSettings, read_secret

    address = url or WorkerSettings().platform_url
    try:
        token = read_secret(token_file)
    except SettingsError as error:
        raise CommandError(
            f"{str(error)[0].upper()}{str(error)[1:]}.", "See --token-file.", Exit.USAGE
        ) from error
    api = PlatformApi(address, token)
    try:
        welcome = _welcomed(api, address)
    finally:
        api.close()
    _tell_version(welcome, address)
    role, queue = wanted
    if role is not None and role is not welcome.role:
        raise CommandError(
            f"The token in {token_file} is of role {welcome.role}, not {role}.",
            f"Make another: proctor user token --worker {role}",
            Exit.USAGE,
        )
    say(f"Enrolled at {address} as a worker of role {welcome.role}.")
    return welcome.role, queue


def _welcomed(api: PlatformApi, address: str) -> WorkerWelcome:
    from proctor.spec.outcomes import Code, PlatformError
    from proctor_runner.platform_api import UnreachableError

    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return api.welcome(give_up_s=0)
        except UnreachableError as error:
            say(f"{error.detail}; trying again in {pause_s:.0f} s.")
        except PlatformError as error:
            refused = error.code in (Code.UNAUTHENTICATED, Code.FORBIDDEN)
            raise CommandError(
                f"{address} refused the token: {error.detail}"
                if refused
                else f"{address} is no Proctor platform, or of another version: {error.detail}",
                "Make one as an admin: proctor user token --worker run"
                if refused
                else "Check --url; it is the address of the API.",
                Exit.AUTH if refused else Exit.FAILED,
            ) from error
        time.sleep(pause_s * random.uniform(0.8, 1.0))  # noqa: S311
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _tell_version(welcome: WorkerWelcome, address: str) -> None:
    from importlib.metadata import version

    own = version("proctor")
    if welcome.version != own:
        say(f"{address} has version {welcome.version}, this worker {own}; keep them alike.")


def _of_role(
    wanted: tuple[Role | None, Queue | None], token_file: Path | None, slots: int | None
) -> dict[str, Any]:
    """Return the settings of a worker that has one role."""
    role, queue = wanted
    if role is None:
        return {}
    settings: dict[str, Any] = {"roles": (role,), f"{role}_slots": slots}
    if token_file is not None:
        settings[f"{role}_token_file"] = token_file
    if queue is not None and role == "run":
        settings["run_queue"] = queue
    return settings


def _row(view: WorkerView) -> dict[str, object]:
    from proctor.spec.api import WorkerState
    from proctor.spec.gpus import gigabytes

    match view.state:
        case WorkerState.BUSY:
            state = f"busy with {view.work}"
        case WorkerState.SILENT:
            state = f"silent since {view.seen_at:%Y-%m-%d %H:%M:%S}"
        case _:
            state = "idle"
    return {
        "worker": view.name,
        "queue": view.queue.value,
        "state": state,
        "host": view.facts.host,
        "version": view.facts.version,
        "gpus": ", ".join(f"{gpu.name} {gigabytes(gpu.vram_bytes)}" for gpu in view.facts.gpus),
        "seen": f"{view.seen_at:%Y-%m-%d %H:%M:%S}",
        "token": view.token,
    }
