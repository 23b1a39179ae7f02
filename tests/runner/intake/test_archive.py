"""Archives of `docker save`, in both layouts, whole or not."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import pytest

from proctor.spec.outcomes import ParticipantError
from proctor_runner.intake.archive import read_archive


def refusal(path: Path) -> str:
    with pytest.raises(ParticipantError) as caught, read_archive(path):
        pass
    return caught.value.detail


@pytest.mark.parametrize("oci", [False, True])
@pytest.mark.parametrize("packed_layers", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_both_layouts_give_the_same_image(
    make_image: Any, tmp_path: Path, oci: bool, packed_layers: bool, packed: bool
) -> None:
    image = make_image()
    saved = image.saved(oci=oci, pack=gzip.compress if packed_layers else None, tags=["a:b"])
    path = tmp_path / "image.tar"
    path.write_bytes(gzip.compress(saved) if packed else saved)

    with read_archive(path) as found:
        assert found.content == image.content
        for digest, blob in image.blobs.items():
            with found.open_blob(digest) as stream:
                assert stream.read() == blob


def test_an_archive_cut_off_anywhere_is_not_a_shorter_image(
    make_image: Any, tmp_path: Path
) -> None:
    saved = make_image().saved()
    path = tmp_path / "image.tar"
    # Two zero blocks and padding end an archive; without them nothing of the image is lost.
    for length in range(0, len(saved) - 10_240, 700):
        path.write_bytes(saved[:length])
        assert refusal(path)
    path.write_bytes(gzip.compress(saved)[:-20])
    assert "not a whole `docker save` archive" in refusal(path)


def test_what_is_no_archive_of_one_image_is_told(make_image: Any, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    assert refusal(path) == f"There is no file {path}: No such file or directory."

    path.write_bytes(b"hello" * 300)
    assert "not a whole `docker save` archive" in refusal(path)

    image = make_image()
    path.write_bytes(image.saved().replace(b"good morning", b"good evening"))
    assert "is damaged; its digest is not" in refusal(path)

    path.write_bytes(image.saved().replace(b'"Layers": ["0', b'"Layers": ["9'))
    assert "which its manifest names" in refusal(path)

    path.write_bytes(image.layers[0])
    assert "holds no manifest.json: it is no archive of `docker save`" in refusal(path)


def test_damage_is_told_and_no_crash(make_image: Any, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    image = make_image()

    def torn(content: bytes) -> bytes:
        packed = gzip.compress(content)
        return packed[:20] + b"\xff" * 20 + packed[40:]

    path.write_bytes(torn(image.saved()))
    assert "not a whole `docker save` archive: Error -3" in refusal(path)
    path.write_bytes(image.saved(pack=torn))
    assert "/layer.tar' in the archive is damaged: Error -3" in refusal(path)
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 25
    block = header.tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes((block + b"13 path=abcd\n".ljust(512, b"\0")) * 3000 + image.saved())
    assert "maximum recursion depth" in refusal(path)
    path.write_bytes(block + b"25 size=9999999999999999\n".ljust(512, b"\0") + image.saved())
    assert "not a whole `docker save` archive" in refusal(path)
    path.write_bytes(block + b"22 GNU.sparse.map=1,a\n".ljust(512, b"\0") + image.saved())
    assert "not a whole `docker save` archive" in refusal(path)
    assert refusal(tmp_path) == f"There is no file {tmp_path}: Is a directory."
