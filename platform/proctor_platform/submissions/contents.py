"""What a participant hands in, checked before anything of it is opened.

Only names, sizes and digests are looked at here; what is inside is a sandbox's to read.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from proctor.spec.base import FileRef
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.contract import Contract
from proctor.spec.digests import digest_entries
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code, ParticipantError, ProctorError
from proctor.spec.work import AnyContent, FolderContent, ImageContent
from proctor_platform import blobs
from proctor_platform.identity import UserIdentity
from proctor_platform.publishing import image_files
from proctor_platform.settings import PlatformSettings

_NEEDED = (("model.json",), ("model.py", "model.onnx"))
"""Files that a model folder needs, each in one of these forms."""


def content_digest(content: AnyContent) -> str:
    """Return the identity of what was handed in."""
    if isinstance(content, ImageContent):
        return content.digest()
    return digest_entries(content.entries)


def contract_name(content: AnyContent) -> Contract:
    """Return whose contract was handed in with an image; of anything else the native one."""
    if isinstance(content, ImageContent) and content.contract is not None:
        return content.contract.name
    return Contract.NATIVE


def files_of(content: AnyContent) -> Iterator[tuple[str, FileRef]]:
    """List the blobs of a content, each with a name for people."""
    if isinstance(content, ImageContent):
        yield from image_files("image", content)
        yield from ((f"weights/{entry.path}", entry.file) for entry in content.weights)
    else:
        yield from ((entry.path, entry.file) for entry in content.entries)


def check_content(
    session: Session,
    settings: PlatformSettings,
    spec: ChallengeSpec,
    content: AnyContent,
    user: UserIdentity,
    card: ModelCard | None = None,
) -> None:
    """Refuse what the challenge does not accept, what is too large, what was not uploaded.

    Raises:
        ParticipantError: a model folder lacks a file it needs, or names one twice.
        ProctorError: the kind, the runtime image, the size or a blob is not right.
    """
    refuse_kind(spec, content)
    if isinstance(content, FolderContent):
        _check_runtime(spec, content, card)
        _check_needed(content)
    if not isinstance(content, ImageContent) or content.weights:
        _check_paths(content)
    _check_size(settings, content)
    blobs.refuse_missing(session, list(files_of(content)), user)


def refuse_kind(spec: ChallengeSpec, content: AnyContent) -> None:
    """Refuse a kind of content that the challenge does not accept.

    Raises:
        ProctorError: it does not.
    """
    if content.kind not in spec.accepts:
        accepted = ", ".join(spec.accepts)
        raise ProctorError(Code.KIND_NOT_ACCEPTED, f"{spec.slug} accepts {accepted}.")


def _check_runtime(spec: ChallengeSpec, content: FolderContent, card: ModelCard | None) -> None:
    approved = ", ".join(spec.runtimes)
    if content.runtime not in spec.runtimes:
        raise ProctorError(Code.RUNTIME_NOT_APPROVED, f"{content.runtime} is not among {approved}.")
    if card is not None and card.runtime not in (None, content.runtime):
        raise ProctorError(
            Code.RUNTIME_NOT_APPROVED,
            f"The card names {card.runtime}, the submission {content.runtime}.",
        )


def _check_needed(content: FolderContent) -> None:
    names = {entry.path for entry in content.entries}
    for forms in _NEEDED:
        if names.isdisjoint(forms):
            needed = " nor ".join(forms)
            said = f"Neither {needed} is" if len(forms) > 1 else f"{needed} is not"
            raise ParticipantError(Code.FOLDER_REJECTED, f"{said} in the folder.")


def _check_paths(content: AnyContent) -> None:
    entries = content.weights if isinstance(content, ImageContent) else content.entries
    paths = [entry.path for entry in entries]
    names = set(paths)
    if len(names) < len(paths):
        raise ParticipantError(Code.FOLDER_REJECTED, "A path is named twice.")
    folders = {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}
    if both := names & folders:
        raise ParticipantError(Code.FOLDER_REJECTED, f"{min(both)} is both a file and a folder.")


def _check_size(settings: PlatformSettings, content: AnyContent) -> None:
    if isinstance(content, ImageContent):
        weights = sum(entry.file.size for entry in content.weights)
        _refuse_larger("weights folder", weights, settings.max_weights_bytes)
        image = sum(file.size for file in (content.config, *content.layers))
        _refuse_larger("image", image, settings.max_image_bytes)
    else:
        total = sum(entry.file.size for entry in content.entries)
        _refuse_larger(content.kind.value, total, settings.max_folder_bytes)


def _refuse_larger(what: str, total_bytes: int, limit_bytes: int) -> None:
    if total_bytes > limit_bytes:
        raise ProctorError(
            Code.TOO_LARGE,
            f"The {what} has {total_bytes} bytes; at most {limit_bytes} are allowed.",
        )
