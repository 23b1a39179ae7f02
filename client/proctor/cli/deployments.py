"""`proctor deploy` and `proctor deployments`: models that the platform keeps running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.hosting import DeploymentView

deployments = typer.Typer(
    invoke_without_command=True,
    help="Models that the platform keeps running: list, swap, stop and start them.",
)

DeploymentArgument = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT", help="Its id: dep_ and 26 characters.")
]
WaitedOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Stay until it answers, or cannot.")
]
_LOOK_EVERY_S = 0.5


def deploy(
    model_id: ModelIdArgument,
    wait: WaitedOption = True,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Have the platform keep a model running at an address of its own."""
    with connect(host) as client:
        made = client.deploy(model_id)
        say(f"{made.id} is at {client.host}{made.path}")
        _show(client, _waited(client, made) if wait else made, style)


@deployments.callback()
def root(
    context: typer.Context, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """List deployed models, unless a command says otherwise."""
    if context.invoked_subcommand is None:
        list_deployments(host=host, style=style)


@deployments.command("list")
def list_deployments(
    model_id: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="Those that have or had it.")
    ] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List deployed models, the newest first."""
    with connect(host) as client:
        found = client.deployments(model_id)
    emit(
        [_row(one) for one in found],
        style,
        document=[one.model_dump(mode="json") for one in found],
    )


@deployments.command("show")
def show(
    deployment: DeploymentArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """Show one deployed model: its state, its address, and its versions."""
    with connect(host) as client:
        _show(client, client.deployment(deployment), style)


@deployments.command("swap")
def swap(
    deployment: DeploymentArgument,
    model_id: ModelIdArgument,
    wait: WaitedOption = True,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Put another version behind an address; the present one answers until it is ready."""
    with connect(host) as client:
        changed = client.swap_version(deployment, model_id)
        changed = _waited(client, changed) if wait else changed
        _show(client, changed, style)
    if wait and changed.submission != model_id:
        raise CommandError(
            f"{model_id} was not swapped in. {changed.detail}",
            f"{changed.submission} goes on answering; `proctor deployments show {deployment}` has"
            " every attempt.",
        )


@deployments.command("stop")
def stop(
    deployment: DeploymentArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """Stop a deployed model; its address stays, and says so."""
    with connect(host) as client:
        _show(client, client.stop_deployment(deployment), style)


@deployments.command("start")
def start(
    deployment: DeploymentArgument,
    wait: WaitedOption = True,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Start a deployed model that is stopped, asleep or has failed."""
    with connect(host) as client:
        started = client.start_deployment(deployment)
        _show(client, _waited(client, started) if wait else started, style)


@deployments.command("open")
def open_page(deployment: DeploymentArgument, host: HostOption = None) -> None:
    """Print an address at which a browser may try a deployed model for a while."""
    with connect(host) as client:
        visit = client.visit(deployment)
        typer.echo(f"{client.host}{visit.path}")
    say(f"It can be used until {visit.expires_at:%Y-%m-%d %H:%M} UTC.")


def _waited(client: Client, view: DeploymentView) -> DeploymentView:
    """Return a deployment once nothing of it is being started.

    Raises:
        CommandError: It cannot be kept running.
    """
    from proctor.spec.hosting import DeploymentState

    told = ""
    while view.state is DeploymentState.STARTING or view.next is not None:
        if view.detail != told and view.detail:
            say(view.detail)
        told = view.detail
        time.sleep(_LOOK_EVERY_S)
        view = client.deployment(view.id)
    if view.state is DeploymentState.FAILED:
        raise CommandError(
            f"{view.submission} could not be kept running. {view.detail}",
            f"`proctor deployments show {view.id}` has every attempt.",
            Exit.FAILED,
        )
    return view


def _show(client: Client, view: DeploymentView, style: Format) -> None:
    emit([_row(view)], style, document=view.model_dump(mode="json"))
    if style is not Format.TABLE:
        return
    say(f"Address   {client.host}{view.path}")
    if view.detail:
        say(f"Reason    {view.detail}")
    for one in view.hostings[:5]:
        reason = f": {one.detail}" if one.detail else ""
        say(f"Version   {one.submission} {one.version or '-'} {one.state.value}{reason}")


def _row(view: DeploymentView) -> dict[str, object]:
    return {
        "id": view.id,
        "state": view.state.value + (", swapping" if view.next else ""),
        "model": view.model,
        "version": view.version,
        "submission": view.submission,
        "owner": view.owner,
        "asked": view.asked,
        "last asked": f"{view.asked_at:%Y-%m-%d %H:%M}" if view.asked_at else "",
    }
