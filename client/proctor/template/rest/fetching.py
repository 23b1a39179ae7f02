"""Fetches an input from a URL, where the operator allowed its host by name.

Nothing is followed elsewhere: a redirection is refused, since the host it names was allowed by
nobody. Proxies of the environment are left alone as well.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from .failures import RefusedError, too_large, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK_BYTES = 1 << 16
_SILENCE_S = 20.0
_PORTS = {"http": 80, "https": 443}


class UrlFetcher:
    """Fetches from the hosts it was given.

    Args:
        hosts: ``host`` for the usual port of http and https, or ``host:port``.
    """

    def __init__(self, hosts: Iterable[str] = (), most_bytes: int = 512 << 20) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._most_bytes = most_bytes
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirection()
        )

    def fetch(self, url: str, stream: BinaryIO, field: str) -> None:
        """Write what lies at ``url`` to ``stream``.

        Raises:
            RefusedError: Its host is not allowed, or it cannot be had.
        """
        self._refuse_strangers(url, field)
        try:
            with self._opener.open(url, timeout=_SILENCE_S) as answer:
                size = 0
                while True:
                    piece = answer.read(_CHUNK_BYTES)
                    if not piece:
                        return
                    size += len(piece)
                    if size > self._most_bytes:
                        raise too_large(self._most_bytes)
                    stream.write(piece)
        except urllib.error.HTTPError as error:
            error.close()
            raise RefusedError(
                502, "url_failed", f"The host of the URL answered {error.code}.", field=field
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RefusedError(
                502, "url_failed", "The host of the URL did not answer.", field=field
            ) from error

    def _refuse_strangers(self, url: str, field: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise unreadable("The URL cannot be read.", field) from error
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise unreadable("A URL that begins with http:// or https:// was expected.", field)
        host = parts.hostname.lower()
        usual = port is None or port == _PORTS[parts.scheme]
        if (usual and host in self._hosts) or f"{host}:{port}" in self._hosts:
            return
        raise RefusedError(
            403,
            "url_not_allowed",
            "This service fetches nothing from that host. Upload the file, or start the service "
            "with `--allow-url-host`.",
            field=field,
        )


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None
