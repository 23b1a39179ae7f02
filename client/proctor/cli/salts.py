"""The secret salts of references, the same again for the same reference.

A salt keeps the digest of a hidden reference from telling what is in it. It is derived from a key
that never leaves the organizer's machine, so that publishing unchanged files twice makes one
version, and nobody else can compute it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from proctor.spec.dataset import SplitData, TaskDatasets
from proctor.spec.digests import canonical_json

KEY_BYTES = 32


def salt_key(config: Path) -> bytes:
    """Return this organizer's key, made and kept in a 0600 file at the first time."""
    path = config / "salt-key"
    if not path.exists():
        config.mkdir(parents=True, exist_ok=True)
        partial = config / f".salt-key-{os.getpid()}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(KEY_BYTES))
        partial.replace(path)
    return path.read_bytes()


def with_salts(data: Mapping[str, TaskDatasets], key: bytes) -> dict[str, TaskDatasets]:
    """Return the same datasets, each reference with the salt that belongs to it."""
    return {
        slug: TaskDatasets(hidden=_with_salt(task.hidden, key), sample=_with_salt(task.sample, key))
        for slug, task in data.items()
    }


def _with_salt(split: SplitData, key: bytes) -> SplitData:
    content = canonical_json(split.reference.model_dump(mode="json", exclude={"salt"}))
    salt = hmac.new(key, content, hashlib.sha256).hexdigest()
    return SplitData(
        inputs=split.inputs, reference=split.reference.model_copy(update={"salt": salt})
    )
