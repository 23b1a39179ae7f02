"""Reads manifests and blobs from an image registry (the OCI distribution API).

Every byte is checked against the digest that led to it. What the registry says of itself (lengths,
where to get a token, where to go instead) is a stranger's word: it is held to sizes, and to HTTPS
except on this machine.
"""

from __future__ import annotations

import contextlib
import re
from base64 import b64encode
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx2

from proctor.cli.failures import CommandError, Exit
from proctor.cli.sources.credentials import Credentials
from proctor.cli.sources.reference import ImageReference, is_loopback
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes, digest_file
from proctor_runner.decode import guarded_json

_ATTEMPTS = 5
_TIMEOUT_S = 60.0
_MOST_MANIFEST_BYTES = 4 << 20
_MOST_TOKEN_BYTES = 1 << 20
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Manifest(NamedTuple):
    """A manifest's digest, its kind and its bytes."""

    digest: str
    media_type: str
    content: bytes


class Registry:
    """One repository of a registry, read with the credentials of this person.

    Args:
        reference: An image in the repository.
        credentials: What `docker login` keeps for the host.
        insecure: Speak plain HTTP to a host that is not this machine.
    """

    def __init__(
        self, reference: ImageReference, credentials: Credentials | None, *, insecure: bool = False
    ) -> None:
        self._reference, self._credentials = reference, credentials
        self._insecure = insecure
        plain = insecure or reference.on_loopback
        self._authorization = ""
        self._http = httpx2.Client(
            base_url=f"{'http' if plain else 'https'}://{reference.server}",
            # The bytes as they are stored: digests are of those.
            headers={"User-Agent": "proctor", "Accept-Encoding": "identity"},
            timeout=_TIMEOUT_S,
            follow_redirects=True,
            max_redirects=5,
            event_hooks={"request": [self._refuse_downgrade]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def manifest(self, version: str) -> Manifest:
        """Read the manifest that a tag or a digest names.

        Raises:
            CommandError: there is none, or it is not what its digest says.
        """
        where = f"/v2/{self._reference.name}/manifests/{version}"
        try:
            with self._get(where, {"Accept": ", ".join(_MANIFESTS)}) as response:
                self._refuse_failure(response, f"{self._reference.repository} has no {version}.")
                content = _at_most(response, _MOST_MANIFEST_BYTES)
                media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
                promised = response.headers.get("Docker-Content-Digest", "")
        except httpx2.RequestError as error:
            raise self._unreachable(error) from error
        digest = digest_bytes(content)
        # A tag may move at any moment, so what was read just now is what is meant from here on.
        wanted = version if version.startswith("sha256:") else promised
        if wanted.startswith("sha256:") and wanted != digest:
            raise _damaged(f"The manifest {wanted}", digest)
        return Manifest(digest, media_type, content)

    def blob(self, file: FileRef, path: Path, what: str) -> None:
        """Bring a blob to ``path``, going on after a cut connection from where it was.

        Raises:
            CommandError: it is gone, cut off for good, longer than promised, or altered.
        """
        where = f"/v2/{self._reference.name}/blobs/{file.digest}"
        with path.open("wb") as stream:
            for attempt in range(_ATTEMPTS):
                try:
                    start = stream.tell()
                    headers = {"Range": f"bytes={start}-"} if start else {}
                    with self._get(where, headers) as response:
                        gone = f"{self._reference.repository} has lost {what} ({file.digest})."
                        self._refuse_failure(response, gone)
                        if start and response.status_code != httpx2.codes.PARTIAL_CONTENT:
                            stream.seek(0)
                            stream.truncate()
                        for chunk in response.iter_raw():
                            stream.write(chunk)
                            if stream.tell() > file.size:
                                raise _damaged(f"{what} of {file.size} bytes", "more of them")
                except httpx2.RequestError as error:
                    if attempt + 1 == _ATTEMPTS:
                        raise self._unreachable(error) from error
                if stream.tell() == file.size:
                    break
            came = stream.tell()
        if came != file.size:
            raise CommandError(
                f"{self._reference.host} sent {came} of the {file.size} bytes of {what}.",
                "Try again; if it stays, push the image again.",
            )
        found = digest_file(path)
        if found != file:
            raise _damaged(f"{what} ({file.digest})", found.digest)

    @contextlib.contextmanager
    def _get(self, where: str, headers: dict[str, str]) -> Generator[httpx2.Response]:
        """Open an answer; a registry that asks for it is shown who asks."""
        with contextlib.ExitStack() as stack:
            response = stack.enter_context(self._open(where, headers))
            if response.status_code == httpx2.codes.UNAUTHORIZED:
                challenge = response.headers.get("WWW-Authenticate", "")
                stack.close()
                self._authorization = self._answer_to(challenge)
                response = stack.enter_context(self._open(where, headers))
            yield response

    @contextlib.contextmanager
    def _open(self, where: str, headers: dict[str, str]) -> Generator[httpx2.Response]:
        if self._authorization:
            headers = {**headers, "Authorization": self._authorization}
        with self._http.stream("GET", where, headers=headers) as response:
            yield response

    def _answer_to(self, challenge: str) -> str:
        scheme, _, rest = challenge.partition(" ")
        facts = dict(_CHALLENGE.findall(rest))
        if scheme.lower() == "basic" and self._credentials is not None:
            return f"Basic {b64encode(':'.join(self._credentials).encode()).decode()}"
        if scheme.lower() != "bearer" or "realm" not in facts:
            raise self._unauthorized()
        asked = {
            "service": facts.get("service", ""),
            "scope": f"repository:{self._reference.name}:pull",
        }
        try:
            with self._http.stream(
                "GET", facts["realm"], params=asked, auth=self._credentials
            ) as response:
                if response.is_error:
                    raise self._unauthorized()
                content = _at_most(response, _MOST_TOKEN_BYTES)
        except httpx2.InvalidURL as error:
            raise self._unauthorized() from error
        token = _token(content)
        if not token:
            raise self._unauthorized()
        return f"Bearer {token}"

    def _refuse_failure(self, response: httpx2.Response, missing: str) -> None:
        match response.status_code:
            case status if status < 400:
                return
            case 401 | 403:
                raise self._unauthorized()
            case 404:
                raise CommandError(
                    missing,
                    "Look for the tags that there are, or push the image again.",
                    Exit.REJECTED,
                )
            case 429:
                raise CommandError(
                    f"{self._reference.host} says that it was asked too often.",
                    "Wait, or log in with `docker login`.",
                )
            case status:
                raise CommandError(
                    f"{self._reference.host} answered {status}.", "Is it a registry? Try again."
                )

    def _refuse_downgrade(self, request: httpx2.Request) -> None:
        if request.url.scheme == "https" or self._insecure:
            return
        # A registry of this machine is asked without TLS, but may not send on to another one so.
        if not (self._reference.on_loopback and is_loopback(request.url.host)):
            raise CommandError(
                f"{self._reference.host} sends to an address without HTTPS: {request.url.host}.",
                "Nothing was sent there; tell whoever runs the registry.",
            )

    def _unauthorized(self) -> CommandError:
        host = self._reference.host
        known = "with the credentials of `docker login`" if self._credentials else "without login"
        return CommandError(
            f"{host} does not show {self._reference.name} {known}, or has no such repository.",
            f"`docker login {host}` first. Credentials in a credential store are not read: then"
            f" `docker pull {self._reference}` and submit the local image.",
            Exit.AUTH,
        )

    def _unreachable(self, error: Exception) -> CommandError:
        host = self._reference.host
        is_plain = self._insecure or self._reference.on_loopback
        plain = "" if is_plain else " --insecure-registry speaks plain HTTP to it."
        return CommandError(
            f"The registry {host} cannot be reached: {str(error) or type(error).__name__}.",
            f"Check its address and your connection.{plain}",
        )


def _at_most(response: httpx2.Response, most_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > most_bytes:
            raise CommandError(
                f"{response.url.host} sent more than {most_bytes} bytes where a document should be."
            )
    return bytes(content)


def _token(content: bytes) -> str:
    try:
        document: Any = guarded_json.loads(content, _MOST_TOKEN_BYTES)
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError):
        return ""
    # A line break in it would make a second header.
    return token if isinstance(token, str) and token.isprintable() and token.isascii() else ""


def _damaged(what: str, found: str) -> CommandError:
    return CommandError(
        f"{what} does not have the bytes that were promised: the registry sent {found}.",
        "Try again; if it stays, the registry's storage is damaged.",
    )
