"""How files get to a platform: what it lacks, how far an upload is, what it takes at all."""

from __future__ import annotations

from pydantic import Field

from proctor.spec.base import Digest, Spec

PART_BYTES = 64 << 20
"""The longest part of an upload; a larger blob goes up in several."""


class MissingRequest(Spec):
    """Which of these blobs must still be uploaded?"""

    digests: tuple[Digest, ...] = Field(max_length=50_000)


class MissingReply(Spec):
    """The digests that the server lacks, or that the asker has no right to by digest alone."""

    missing: tuple[Digest, ...]


class UploadState(Spec):
    """How far an upload in parts is."""

    received: int = Field(ge=0, description="bytes that are safe; go on from here")
    complete: bool = Field(description="the blob is whole, and the sender may name it")


class PlatformLimits(Spec):
    """What this platform takes, so that a client need not find out by being refused."""

    part_bytes: int = Field(description="a larger blob goes up in parts of at most this")
    max_blob_bytes: int
    max_folder_bytes: int
    max_weights_bytes: int
    max_image_bytes: int
    git_hosts: tuple[str, ...] = Field(description="whose repositories may be named as a source")
