"""Where a content comes from, and an image with weights beside it, as the platform takes them."""

from __future__ import annotations

from typing import Any

import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import FolderEntry, digest_bytes, digest_document, digest_entries
from proctor.spec.uploads import PlatformLimits

REGISTRY = {
    "kind": "registry",
    "url": "localhost:5000/models/svc",
    "revision": "sha256:" + "a" * 64,
}
GIT = {
    "kind": "git",
    "url": "https://github.com/ada/svc",
    "revision": "b" * 40,
    "folder": "models/svc",
}


def entry(participant: Any, path: str, content: bytes) -> FolderEntry:
    return FolderEntry(path=path, file=participant.put_blob(content))


def test_a_source_is_kept_and_shown(published: Any, participant: Any, anonymous: Any) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())
    view = participant.submit(published.model, published.card, source=GIT).json()
    assert view["source"] == GIT
    assert participant.get(f"/submissions/{view['id']}").json()["source"] == GIT
    image = participant.submit(published.image, published.card, source=REGISTRY).json()
    assert image["source"] == {**REGISTRY, "folder": ""}


def test_the_same_key_with_another_source_is_another_request(
    published: Any, participant: Any
) -> None:
    published.enter(participant)
    first = participant.submit(published.model, published.card, key="k" * 20, source=GIT)
    again = participant.submit(published.model, published.card, key="k" * 20, source=GIT)
    assert again.json()["id"] == first.json()["id"]
    other = {**GIT, "revision": "c" * 40}
    refused = participant.submit(published.model, published.card, key="k" * 20, source=other)
    assert refused.json()["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({**GIT, "url": "https://evil.example/ada/svc"}, "not among the hosts"),
        ({**GIT, "url": "https://github.com.evil.example/ada/svc"}, "not among the hosts"),
        ({**GIT, "url": "https://github.com:8443/ada/svc"}, "not among the hosts"),
        ({**GIT, "url": "https://github.com@evil.example/ada/svc"}, "no user name"),
        ({**GIT, "url": "https://ada:secret@github.com/ada/svc"}, "no user name"),
        ({**GIT, "url": "http://github.com/ada/svc"}, "https://"),
        ({**GIT, "url": "http://127.0.0.1/ada/svc"}, "not among the hosts"),
        ({**GIT, "url": "file:///etc"}, "not among the hosts"),
        ({**GIT, "url": "javascript:alert(1)"}, "https://"),
        ({**GIT, "url": "https://[::1"}, "cannot be read"),
        ({**GIT, "url": "https://github.com/a?token=x"}, "ends with its path"),
        ({**GIT, "url": "https://github.com/a\u202eb"}, "ends with its path"),
        ({**GIT, "revision": "main"}, "40 hex digits"),
        ({**GIT, "folder": "../.."}, "inside the repository"),
        ({**GIT, "folder": "a\nb"}, "inside the repository"),
        (REGISTRY, "does not come from a registry"),
    ],
)
def test_a_source_that_is_none_is_refused(
    published: Any, participant: Any, source: dict[str, str], said: str
) -> None:
    published.enter(participant)
    refused = participant.submit(published.model, published.card, source=source)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")
    assert said in refused.json()["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "localhost:5000/models/svc:latest"},
        {"url": "https://localhost:5000/models/svc"},
        {"url": "ada:secret@localhost:5000/models/svc"},
        {"url": "localhost:5000"},
        {"revision": "latest"},
        {"folder": "x"},
        {"kind": "git"},
    ],
)
def test_a_registry_source_is_a_pinned_repository(
    published: Any, participant: Any, changes: dict[str, str]
) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())
    refused = participant.submit(published.image, published.card, source={**REGISTRY, **changes})
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")


def test_weights_are_part_of_what_is_entered(published: Any, participant: Any, fake: Any) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())
    weights = (entry(participant, "a/weights.bin", b"1"), entry(participant, "b", b"2"))
    content = published.image.model_copy(update={"weights": weights})
    view = participant.submit(content, published.card).json()
    assert view["content_digest"] == digest_document(
        [published.image.config.digest, digest_entries(weights)]
    )
    other = published.image.model_copy(update={"weights": weights[:1]})
    assert participant.submit(other, published.card).json()["content_digest"] not in (
        view["content_digest"],
        published.image.config.digest,
    )
    run = view["runs"][0]["id"]
    order = next(held for held in iter(fake.claim, None) if held.id == run)
    assert [one["path"] for one in order.order["content"]["weights"]] == ["a/weights.bin", "b"]
    assert order.get(weights[0].file.digest).content == b"1"


def test_weights_are_checked_as_a_folder_is(published: Any, participant: Any, client: Any) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())

    def refusal(*weights: FolderEntry) -> Any:
        content = published.image.model_copy(update={"weights": weights})
        return participant.submit(content, published.card).json()

    one, two = entry(participant, "a", b"12345"), entry(participant, "a/b", b"123456")
    assert refusal(one, one)["code"] == "FOLDER_REJECTED"
    assert "both a file and a folder" in refusal(one, two)["detail"]
    gone = FolderEntry(path="x", file=FileRef(digest=digest_bytes(b"not sent"), size=8))
    assert refusal(gone)["code"] == "BLOB_MISSING"
    settings = client.app.state.settings
    client.app.state.settings = settings.model_copy(update={"max_weights_bytes": 5})
    refused = refusal(two)
    assert refused["code"] == "TOO_LARGE"
    assert "weights folder has 6 bytes; at most 5" in refused["detail"]


def test_the_platform_says_what_it_takes(anonymous: Any, client: Any) -> None:
    limits = PlatformLimits.model_validate(anonymous.get("/limits").json())
    assert limits.part_bytes == 64 << 20
    assert "github.com" in limits.git_hosts
    assert limits.max_weights_bytes == client.app.state.settings.max_weights_bytes
