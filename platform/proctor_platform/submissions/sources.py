"""Where a participant says a content comes from: checked as text, and never dialed.

The participant's machine fetched it; the platform has the bytes by digest. What is kept here is
shown to readers as a claim that anybody who can reach the place may compare.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from proctor.spec.api import Source, SourceKind
from proctor.spec.challenge import SubmissionKind
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.work import AnyContent
from proctor_platform.settings import PlatformSettings

_KINDS = {SourceKind.REGISTRY: SubmissionKind.IMAGE, SourceKind.GIT: SubmissionKind.FOLDER}
_REGISTRY = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+"
)
_MANIFEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~+-]+)+/?")


def check_source(settings: PlatformSettings, content: AnyContent, source: Source | None) -> None:
    """Refuse a source that is none, that does not fit the content, or that names another host.

    Raises:
        ProctorError: INVALID_REQUEST, with what is wrong.
    """
    if source is None:
        return
    if content.kind is not _KINDS[source.kind]:
        raise _refusal(f"A {content.kind} does not come from a {source.kind} source.")
    if source.kind is SourceKind.REGISTRY:
        _check_registry(source)
    else:
        _check_git(source, settings.git_hosts)


def _check_registry(source: Source) -> None:
    if not _REGISTRY.fullmatch(source.url):
        raise _refusal("A registry source is HOST/NAME, without tag and credentials.")
    if not _MANIFEST.fullmatch(source.revision) or source.folder:
        raise _refusal("A registry source is pinned to a manifest: sha256: and 64 hex digits.")


def _check_git(source: Source, hosts: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(source.url)
        host, has_user = parts.netloc.lower(), "@" in parts.netloc
    except ValueError as error:
        raise _refusal("The repository's address cannot be read.") from error
    if has_user:
        raise _refusal("A repository's address holds no user name and no password.")
    if parts.scheme == "file" and not host:
        host = "file://"
    elif parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise _refusal("A repository is named by its https:// address.")
    if host not in hosts:
        raise _refusal(f"{host[:100]!r} is not among the hosts {', '.join(hosts)}.")
    if not _PATH.fullmatch(parts.path) or parts.query or parts.fragment:
        raise _refusal("A repository's address ends with its path.")
    if not _COMMIT.fullmatch(source.revision):
        raise _refusal("A repository is named at a commit: 40 hex digits, no branch.")
    if not source.folder.isprintable() or ".." in source.folder.split("/"):
        raise _refusal("The folder lies inside the repository.")


def _is_loopback(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def _refusal(detail: str) -> ProctorError:
    return ProctorError(Code.INVALID_REQUEST, f"source: {detail}")
