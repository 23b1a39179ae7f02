"""Which platform to talk to, and with which token.

The address: ``--host``, ``PROCTOR_HOST``, the platform that runs here (``endpoints.json``), the
one logged in to. The token: ``PROCTOR_TOKEN``, else the one that `proctor login` keeps in a file
for that address alone, so that no platform is ever sent another's token.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.environment import Environment, read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.services.endpoints import ENDPOINTS_FILE, read_endpoints

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import SubmissionView

DEFAULT_HOST = "http://127.0.0.1:8000"
_PRIVATE = 0o600


@dataclass(frozen=True)
class Logins:
    """What `proctor login` keeps: the last address, and a token for each."""

    host: str | None = None
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, config: Path) -> Logins:
        """Return what is kept.

        Raises:
            CommandError: others may read the file, or it is broken.
        """
        path = config / "logins.json"
        try:
            if path.stat().st_mode & 0o077:
                raise CommandError(
                    f"{path} holds your tokens and others may read it.",
                    f"Close it with `chmod 600 {path}`, and make new tokens if in doubt.",
                    Exit.AUTH,
                )
            found = json.loads(path.read_text())
            return cls(host=found["host"], tokens=dict(found["tokens"]))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{path} is broken: {error}.", "Delete it and log in again.", Exit.AUTH
            ) from error

    def write(self, config: Path) -> None:
        """Keep this in place of what was kept, for the owner's eyes only."""
        config.mkdir(parents=True, exist_ok=True)
        partial = config / f".logins-{os.getpid()}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"host": self.host, "tokens": self.tokens}, stream, indent=2)
        partial.replace(config / "logins.json")


def find_host(option: str | None, environment: Environment) -> str:
    """Return the platform's address; the usual one of this machine where none is known."""
    return _known_host(option, environment) or DEFAULT_HOST


def find_token(host: str, environment: Environment) -> str | None:
    """Return the token for that address, or none to read as anybody may.

    Raises:
        CommandError: PROCTOR_TOKEN is set to nothing; the kept login would be somebody else.
    """
    if environment.token is not None and not environment.token.strip():
        raise CommandError(
            "PROCTOR_TOKEN is set, but empty.",
            "Give it a token, or unset it to use the login that `proctor login` keeps.",
            Exit.AUTH,
        )
    return environment.token or Logins.read(environment.config).tokens.get(host)


def connect(option: str | None) -> Client:
    """Return a client for the platform that a command is to talk to.

    Raises:
        CommandError: there is a token, but nothing says which platform it is for.
    """
    from proctor.client import Client

    environment = read_environment()
    host = _known_host(option, environment)
    token = find_token(host or DEFAULT_HOST, environment)
    if host is None and token:
        raise CommandError(
            "Nothing says which platform PROCTOR_TOKEN is for, and it is sent to no other.",
            f"Give --host or PROCTOR_HOST, for example {DEFAULT_HOST}; `proctor up` tells its own.",
            Exit.USAGE,
        )
    return Client(host or DEFAULT_HOST, token)


def page_address(host: str, view: SubmissionView) -> str:
    """Return where a person can look at a submission: its page, else its address in the API."""
    return view.page or f"{host}/api/v1/submissions/{view.id}"


def _known_host(option: str | None, environment: Environment) -> str | None:
    found = (
        option
        or environment.host
        or _running(environment.home).get("api")
        or Logins.read(environment.config).host
    )
    if not found:
        return None
    return (found if "://" in found else f"http://{found}").rstrip("/")


def _running(home: Path) -> dict[str, str]:
    try:
        return read_endpoints(home)
    except (OSError, ValueError, AttributeError) as error:
        raise CommandError(
            f"{home / ENDPOINTS_FILE} cannot be read: {error}.", "Delete it, or give --host."
        ) from error
