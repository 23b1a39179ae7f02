"""What `docker login` keeps about a registry. It is sent to that registry alone."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import NamedTuple

_HUB = "docker.io"
_HUB_KEY = "https://index.docker.io/v1/"


class Credentials(NamedTuple):
    """A user name and a password or token."""

    user: str
    password: str


def stored_credentials(folder: Path, host: str) -> Credentials | None:
    """Return what the ``config.json`` in Docker's folder says of a host, if anything.

    Credentials in a store of the operating system are not read: that would run a program that the
    file names.
    """
    try:
        auths = json.loads((folder / "config.json").read_text("utf-8"))["auths"]
        keys = [host, f"https://{host}", f"https://{host}/v2/", f"http://{host}"]
        if host == _HUB:
            keys = [_HUB_KEY, *keys]
        entry = next(auths[key] for key in keys if key in auths)
        user, colon, password = (
            base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        )
    except (OSError, ValueError, KeyError, TypeError, StopIteration, binascii.Error):
        return None
    return Credentials(user, password) if colon and user else None
