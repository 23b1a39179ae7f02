"""Where the running services listen: a free port each, and one file that says which."""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from proctor.cli.services.errors import ServiceError

ENDPOINTS_FILE = "endpoints.json"

_PORTS_TRIED = 100
_SPARE_FROM, _SPARE_PORTS = 12_000, 20_000


def free_port(preferred: int, host: str = "127.0.0.1") -> int:
    """Return the preferred port, or the next one that nothing listens on.

    Raises:
        ServiceError: A hundred ports in a row are taken.
    """
    for port in range(preferred, min(preferred + _PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            # A server that just ended leaves its port in TIME_WAIT, which does not hinder the next.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise ServiceError(
        f"No port from {preferred} to {preferred + _PORTS_TRIED - 1} is free on {host}.",
        "End the programs that hold them, or name another port.",
    )


def spare_port() -> int:
    """Return a port that nothing listens on, for a server that is stopped and started again.

    It lies below those that outgoing connections get: while the server is down one could be given
    its port, and whoever asks whether it answers could even be connected to itself.

    Raises:
        ServiceError: A hundred ports in a row are taken.
    """
    return free_port(_SPARE_FROM + secrets.randbelow(_SPARE_PORTS))


def write_endpoints(folder: Path, endpoints: Mapping[str, str]) -> Path:
    """Write `endpoints.json` at once: a reader sees the old file or the new one, never a part."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ENDPOINTS_FILE
    descriptor, partial = tempfile.mkstemp(prefix=f".{ENDPOINTS_FILE}-", dir=folder)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(dict(endpoints), stream, indent=2, sort_keys=True)
        stream.write("\n")
    Path(partial).replace(path)
    return path


def read_endpoints(folder: Path) -> dict[str, str]:
    """Return the addresses the running services wrote; empty when none did."""
    try:
        content = json.loads((folder / ENDPOINTS_FILE).read_text())
    except FileNotFoundError:
        return {}
    return {str(name): str(address) for name, address in content.items()}
