"""`proctor login|logout|whoami` and `proctor user`: people and their tokens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from proctor.cli.connection import Logins, connect, find_host, find_token
from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption
from proctor.cli.output import Format, emit, say

users = typer.Typer(no_args_is_help=True, help="Invite people and look after tokens.")


def login(
    host: HostOption = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Read the token from a file.", dir_okay=False),
    ] = None,
) -> None:
    """Keep a token for a platform, for you alone to read.

    The token is asked for without showing it, or read from standard input or a file.
    """
    from proctor.client import Client

    environment = read_environment()
    address = find_host(host, environment)
    token = _read_token(token_file, address)
    with Client(address, token) as client:
        me = client.me()
    kept = Logins.read(environment.config)
    Logins(address, {**kept.tokens, address: token}).write(environment.config)
    say(f"Logged in to {address} as {me.name}.")
    if environment.token:
        say("PROCTOR_TOKEN is set and goes first; unset it to use this login.")


def logout(host: HostOption = None) -> None:
    """Forget the token kept for a platform; `proctor user revoke` makes it useless."""
    environment = read_environment()
    address = find_host(host, environment)
    kept = Logins.read(environment.config)
    if address not in kept.tokens:
        say(f"No token is kept for {address}.")
        return
    rest = {known: token for known, token in kept.tokens.items() if known != address}
    Logins(None if kept.host == address else kept.host, rest).write(environment.config)
    say(f"Logged out of {address}.")


def whoami(host: HostOption = None, style: FormatOption = Format.TABLE) -> None:
    """Show whom the platform takes you for."""
    environment = read_environment()
    address = find_host(host, environment)
    if find_token(address, environment) is None:
        raise CommandError(
            f"You are not logged in to {address}.",
            "Log in with `proctor login`, or set PROCTOR_TOKEN.",
            Exit.AUTH,
        )
    with connect(host) as client:
        me = client.me()
    row = {
        "name": me.name,
        "admin": me.admin,
        "organizes": " ".join(me.organizes),
        "joined": " ".join(me.joined),
        "host": address,
    }
    emit([row], style, document={**me.model_dump(mode="json"), "host": address})


@users.command("invite")
def invite(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, - and _.")],
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Make an account and print its first token, this once (admins)."""
    from proctor.spec.api import UserCreate

    with connect(host) as client:
        made = client.create_user(UserCreate(name=name, admin=admin))
    say(f"Give {name} this token; it is shown once.")
    emit([{"user": name, "id": made.id, "token": made.secret}], style)


@users.command("token")
def token(
    user: Annotated[
        str | None, typer.Option("--user", help="For whom; yourself by default.")
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker", help="For a worker of this role: run or score.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What it is for.")] = "",
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Make a new token and print it, this once."""
    from proctor.spec.api import TokenCreate
    from proctor.spec.work import Role

    if worker is not None and worker not in set(Role):
        raise CommandError(f"There is no worker role {worker!r}.", "Give run or score.", Exit.USAGE)
    request = TokenCreate(user=user, worker_role=Role(worker) if worker else None, note=note)
    with connect(host) as client:
        made = client.create_token(request)
    say("Keep this token; it is shown once.")
    emit([{"id": made.id, "token": made.secret}], style)


@users.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="The id, tok_ and 26 characters; no secret.")],
    host: HostOption = None,
) -> None:
    """Make a token useless from now on."""
    with connect(host) as client:
        client.revoke_token(token_id.partition(".")[0])
    say("The token is revoked.")


def _read_token(token_file: Path | None, address: str) -> str:
    if token_file is not None:
        text = token_file.read_text()
    elif sys.stdin.isatty():
        text = str(typer.prompt(f"Token for {address}", hide_input=True, err=True))
    else:
        text = sys.stdin.read()
    token = text.strip()
    if not token:
        raise CommandError("No token was given.", "Ask an admin for one.", Exit.USAGE)
    if any(character.isspace() or not character.isprintable() for character in token):
        raise CommandError(
            "That is not a token: it holds spaces or line breaks.",
            "Give the token alone, as it was shown.",
            Exit.USAGE,
        )
    return token
