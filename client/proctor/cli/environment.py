"""The one place of the command line that reads environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_NETWORK = (
    "PATH",
    *_PROXIES,
    *(name.upper() for name in _PROXIES),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
)


@dataclass(frozen=True)
class Environment:
    """What the shell says.

    Attributes:
        host: ``PROCTOR_HOST``, the platform to talk to.
        token: ``PROCTOR_TOKEN``, whom to speak for; empty where it is set to nothing.
        home: ``PROCTOR_HOME``, else ``$XDG_STATE_HOME/proctor``: a platform's own state.
        config: ``$XDG_CONFIG_HOME/proctor``: what `proctor login` keeps.
        cache: ``$XDG_CACHE_HOME/proctor``: what can be made or downloaded again.
        redis_url: ``PROCTOR_REDIS_URL``, a Redis that `proctor up` is to use.
        docker_config: ``DOCKER_CONFIG``, else ``~/.docker``: what `docker login` keeps.
        network: What programs need to reach the network from here: paths, proxies, certificates.
        debug: ``PROCTOR_DEBUG`` is set: errors show their traceback.
    """

    host: str | None
    token: str | None
    home: Path
    config: Path
    cache: Path
    redis_url: str | None
    docker_config: Path
    network: Mapping[str, str]
    debug: bool


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Return what the variables say, with the defaults filled in."""

    def folder(variable: str, default: str) -> Path:
        return Path(variables.get(variable) or Path.home() / default) / "proctor"

    home = variables.get("PROCTOR_HOME")
    return Environment(
        host=variables.get("PROCTOR_HOST") or None,
        token=variables.get("PROCTOR_TOKEN"),
        home=Path(home) if home else folder("XDG_STATE_HOME", ".local/state"),
        config=folder("XDG_CONFIG_HOME", ".config"),
        cache=folder("XDG_CACHE_HOME", ".cache"),
        redis_url=variables.get("PROCTOR_REDIS_URL") or None,
        docker_config=Path(variables.get("DOCKER_CONFIG") or Path.home() / ".docker"),
        network={name: variables[name] for name in _NETWORK if name in variables},
        debug=bool(variables.get("PROCTOR_DEBUG")),
    )
