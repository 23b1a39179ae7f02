"""A daemon gets one image without names, and runs it by the id that was promised."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, ParticipantError, PlatformError
from proctor.spec.work import ImageContent
from proctor_runner.intake.archive import read_local
from proctor_runner.intake.daemon import assemble, ensure_image
from proctor_runner.intake.kept_images import KEPT_REPOSITORY, KeptImages


def test_an_assembled_archive_names_nothing(make_image: Any) -> None:
    image = make_image()

    stream = io.BytesIO(b"".join(assemble(image.content, image.open_blob)))

    with tarfile.open(fileobj=stream) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        names = archive.getnames()
    assert [one["RepoTags"] for one in manifest] == [None]
    assert set(names) == {"manifest.json", manifest[0]["Config"], *manifest[0]["Layers"]}


def test_a_blob_of_another_length_is_ours_to_answer_for(make_image: Any) -> None:
    image = make_image()
    first = image.content.layers[0]
    content = ImageContent(
        config=image.content.config, layers=(FileRef(digest=first.digest, size=first.size + 1),)
    )

    with pytest.raises(PlatformError) as caught:
        b"".join(assemble(content, image.open_blob))

    assert caught.value.code is Code.STORAGE_FAILED


@pytest.mark.docker
def test_an_image_comes_back_from_the_daemon_as_it_went_in(
    docker_client: docker.DockerClient, make_image: Any, kept: KeptImages
) -> None:
    image = make_image(Labels={"proctor.protocols": "case"}, Entrypoint=["/hello.txt"])

    try:
        image_id = ensure_image(
            docker_client, image.content, image.open_blob, check=True, kept=kept
        )

        assert image_id == image.content.digest()
        found = docker_client.images.get(image_id)
        assert found.tags == [f"{KEPT_REPOSITORY}:{image_id[7:19]}"]
        with read_local(docker_client, image_id) as local:
            assert local.content == image.content
            assert ensure_image(
                docker_client, local.content, local.open_blob, check=True, kept=kept
            )
    finally:
        docker_client.images.remove(image.content.digest(), force=True)


@pytest.mark.docker
def test_an_image_that_breaks_a_rule_never_reaches_the_daemon(
    docker_client: docker.DockerClient, make_image: Any, kept: KeptImages
) -> None:
    image = make_image(Labels={"proctor.slot": "1"})

    with pytest.raises(ParticipantError):
        ensure_image(docker_client, image.content, image.open_blob, check=True, kept=kept)

    with pytest.raises(ImageNotFound):
        docker_client.images.get(image.content.digest())


def _headers(*entries: tuple[str, bytes, str]) -> bytes:
    layer = b""
    for name, kind, leads in entries:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, leads
        layer += entry.tobuf(tarfile.GNU_FORMAT)
    return layer + bytes(2 * tarfile.BLOCKSIZE)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([("a", tarfile.LNKTYPE, "nothere")], "link /nothere /a"),
        ([("a", tarfile.REGTYPE, ""), ("a", tarfile.DIRTYPE, "")], "duplicates of file paths"),
    ],
)
def test_an_image_that_the_daemon_cannot_load_is_its_owners(
    docker_client: docker.DockerClient,
    make_image: Any,
    kept: KeptImages,
    entries: list[tuple[str, bytes, str]],
    says: str,
) -> None:
    image = make_image((_headers(*entries),))

    with pytest.raises(ParticipantError, match=says) as caught:
        ensure_image(docker_client, image.content, image.open_blob, check=True, kept=kept)

    assert caught.value.code is Code.IMAGE_REJECTED


@pytest.mark.docker
def test_a_name_that_no_local_image_has_is_told(docker_client: docker.DockerClient) -> None:
    with pytest.raises(ParticipantError) as caught, read_local(docker_client, "no-such-image:1"):
        pass

    assert caught.value.detail == "The local Docker daemon has no image 'no-such-image:1'."
