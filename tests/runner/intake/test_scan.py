"""What intake refuses, with the sentence, and what it lets through because a sandbox takes it."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import FolderEntry
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import ImageContent
from proctor_runner.intake.rules import IntakeLimits
from proctor_runner.intake.scan import scan


def tar(*entries: tuple[str, dict[str, Any]], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, changes in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def refusal(image: Any, **more: Any) -> str:
    with pytest.raises(ParticipantError) as caught:
        scan(image.content, image.open_blob, machine="x86_64", **more)
    assert caught.value.code is Code.IMAGE_REJECTED
    return caught.value.detail


def test_an_ordinary_image_passes(make_image: Any) -> None:
    image = make_image(
        User="root",
        Healthcheck={"Test": ["CMD", "true"]},
        ExposedPorts={"80/tcp": {}},
        StopSignal="SIGCONT",
        Volumes={"/data": {}},
        WorkingDir="/app",
        Env=["LD_PRELOAD=/x.so", "PATH=/bin"],
        Labels={"proctor.protocols": "case", "maintainer": "me"},
    )

    scan(image.content, image.open_blob, machine="x86_64")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"Labels": {"proctor.slot": "3"}}, "has the label 'proctor.slot'"),
        ({"Labels": {"proctor.protocols": "serve"}}, "declares the protocols 'serve'"),
        ({"OnBuild": ["RUN x"]}, "ONBUILD"),
        ({"WorkingDir": "/proc/self/fd/8"}, "WORKDIR is '/proc/self/fd/8'"),
        ({"WorkingDir": "/app/../proc"}, "WORKDIR is"),
        ({"WorkingDir": "app"}, "WORKDIR is 'app'"),
        ({"Volumes": {"/": {}}}, "declares / as a VOLUME"),
        ({"Volumes": {"/dev/shm/x": {}}}, "VOLUME is"),
        ({"Volumes": {"//": {}}}, "declares / as a VOLUME"),
        ({"Volumes": {"//proc": {}}}, "VOLUME is '//proc'"),
        ({"WorkingDir": "//proc/self"}, "WORKDIR is '//proc/self'"),
        ({"Volumes": {"/input/x": {}}}, "VOLUME /input/x below /input"),
        ({"Volumes": {"//output/x": {}}}, "VOLUME //output/x below /output"),
        ({"Volumes": {"/" + "a" * 256: {}}}, "VOLUME is"),
        ({"WorkingDir": "/a" * 513}, "WORKDIR is"),
        ({"Env": ["A=" + "x" * 70_000]}, "70002 bytes; 65536 are allowed"),
        ({"Env": "A=1"}, "not a list"),
        ({"Env": ["=1"]}, "holds '=1', which sets no variable"),
        ({"Env": ["A"]}, "holds 'A', which sets no variable"),
        ({"Env": ["A=\0"]}, "which sets no variable"),
        ({"Volumes": {'/a "b': {}}}, "VOLUME is"),
        ({"labels": {"proctor.slot": "3"}}, "key 'labels', which Docker takes for another"),
        ({"onbuild": ["RUN x"]}, "key 'onbuild'"),
        ({"Volume\u017f": {"/proc": {}}}, "which Docker takes for another"),
        ({"Cmd": None}, "no ENTRYPOINT and no CMD"),
        # Docker's runc hung for good when it could not find a program with a name of 64 KiB.
        ({"Cmd": ["x" * 66_000]}, "a name of more than 4096 bytes"),
        ({"Entrypoint": "x" * 4097}, "a name of more than 4096 bytes"),
        ({"Labels": ["proctor.slot"]}, "no object in Labels"),
    ],
)
def test_a_declaration_without_honest_use_is_refused(
    make_image: Any, declared: dict[str, Any], expected: str
) -> None:
    assert expected in refusal(make_image(**declared))


def test_another_platform_is_refused_with_the_one_that_runs(make_image: Any) -> None:
    said = refusal(make_image(top={"architecture": "arm64"}))

    assert said.startswith("The image is for linux/arm64; this platform runs linux/amd64.")


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("../escape", {}, "leaves the image"),
        ("/etc/passwd", {}, "leaves the image"),
        ("a/../../b", {}, "leaves the image"),
        ("hard", {"type": tarfile.LNKTYPE, "linkname": "../../etc/shadow"}, "leaves the image"),
        ("disk", {"type": tarfile.BLKTYPE, "devmajor": 8}, "the device 'disk'"),
        ("data/weights.bin", {}, "/data/weights.bin below its VOLUME /data"),
        ("tmp", {"type": tarfile.SYMTYPE, "linkname": "/proc"}, "file or link /tmp"),
        ("./output", {}, "file or link /output"),
        ("sparse", {"type": tarfile.GNUTYPE_SPARSE}, "a sparse file"),
        ("d/" * 2000 + "f", {}, "a name longer than Linux takes"),
        ("bomb", {"pax_headers": {"GNU.sparse.realsize": "1"}}, "a sparse file"),
        # Docker opens these two itself, and a pipe without a writer held it up for good.
        ("etc/passwd", {"type": tarfile.FIFOTYPE}, "is no plain file"),
        ("run/pipe", {"type": tarfile.FIFOTYPE}, "named pipe 'run/pipe'"),
        ("etc/passwd", {"type": tarfile.SYMTYPE, "linkname": "/dev/zero"}, "is no plain file"),
        ("./etc//group", {"type": tarfile.LNKTYPE, "linkname": "a"}, "is no plain file"),
        ("etc", {"type": tarfile.SYMTYPE, "linkname": "/a"}, "/etc is no folder"),
        (
            "a",
            {"pax_headers": {"SCHILY.xattr.user.a": "x" * 2048}},
            "2067 bytes of extended attributes; 2048 are allowed",
        ),
    ],
)
def test_a_name_or_kind_that_no_honest_layer_holds_is_refused(
    make_image: Any, name: str, changes: dict[str, Any], expected: str
) -> None:
    image = make_image((tar((name, changes)),), Volumes={"/data": {}})

    assert expected in refusal(image)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (
            ("x", {"type": tarfile.SYMTYPE, "linkname": "/etc"}),
            ("./x//passwd", {"type": tarfile.SYMTYPE, "linkname": "/dev/random"}),
            "behind a link of the same layer",
        ),
        (
            ("x", {"type": tarfile.LNKTYPE, "linkname": "lib"}),
            ("x/a/b", {}),
            "behind a link of the same layer",
        ),
        (
            ("dev/y", {"type": tarfile.SYMTYPE, "linkname": "/etc"}),
            ("dev/y/group", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 9}),
            "behind a link of the same layer",
        ),
        (
            ("dev/y", {"type": tarfile.DIRTYPE}),
            ("dev/y/group", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 9}),
            "the device 'dev/y/group'",
        ),
    ],
)
def test_no_file_comes_to_its_place_through_a_link(
    make_image: Any, first: Any, then: Any, expected: str
) -> None:
    assert expected in refusal(make_image((tar(first, then),)))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused_before_it_is_read(
    make_image: Any, kind: bytes
) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 2 << 20
    image = make_image((header.tobuf(tarfile.GNU_FORMAT) + bytes(4 << 20),))

    assert "a header of 2097152 bytes" in refusal(image)


def test_a_configuration_with_its_parts_twice_is_refused(make_image: Any) -> None:
    assert "key 'Config'" in refusal(make_image(top={"Config": {"Volumes": {"/proc": {}}}}))


def test_devices_in_dev_and_symbolic_links_pass(make_image: Any) -> None:
    image = make_image(
        (
            tar(
                ("dev/null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
                ("bin", {"type": tarfile.SYMTYPE, "linkname": "/usr/bin"}),
            ),
        )
    )

    scan(image.content, image.open_blob, machine="x86_64")


def test_bombs_are_stopped_by_their_headers(make_image: Any) -> None:
    image = make_image((tar(("a", {}), ("b", {}), content=bytes(2048)),))

    assert "more than 0 MiB" in refusal(image, limits=IntakeLimits(unpacked_bytes=4095))
    assert "more than 1 files" in refusal(image, limits=IntakeLimits(files=1))
    assert "1 layers; 0 are allowed" in refusal(image, limits=IntakeLimits(layers=0))
    layers = tuple(tar((f"f{number}", {})) for number in range(126))
    # Docker says "max depth exceeded" of more, which was taken for a fault of ours.
    assert "126 layers; 125 are allowed" in refusal(make_image(layers))


def test_bytes_must_be_those_the_digests_promise(make_image: Any) -> None:
    image = make_image()
    layer = image.content.layers[0].digest
    good = image.blobs[layer]

    image.blobs[layer] = good.replace(b"morning", b"evening")
    assert "does not have the digest" in refusal(image)
    image.blobs[layer] = good[:100]
    assert "not a whole tar archive" in refusal(image)
    image.blobs[layer] = good
    image.blobs[image.content.config.digest] += b" "
    assert "configuration does not have the digest" in refusal(image)


def test_layers_must_be_those_the_configuration_names(make_image: Any) -> None:
    image, other = make_image(), make_image((tar(("other", {})),))
    image.blobs |= other.blobs
    image.content = ImageContent(config=image.content.config, layers=other.content.layers)

    assert "not those its configuration names" in refusal(image)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"os": "linux", "os": "windows"}', "a key is given twice"),
        (b'{"x": NaN}', "NaN is not a JSON number"),
        (b'{"x": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "cannot be read"),
        (b"[]", "not a JSON object"),
        (b" " * (2 << 20), "digest"),
    ],
)
def test_a_configuration_made_to_confuse_is_refused(
    make_image: Any, text: bytes, expected: str
) -> None:
    import hashlib

    from proctor.spec.base import FileRef

    image = make_image()
    name = f"sha256:{hashlib.sha256(text).hexdigest()}"
    image.blobs[name] = text
    image.content = ImageContent(
        config=FileRef(digest=name, size=len(text)), layers=image.content.layers
    )

    assert expected in refusal(image)


def test_an_image_leaves_the_place_of_its_weights_alone(make_image: Any) -> None:
    weights = (FolderEntry(path="w", file=FileRef(digest="sha256:" + "0" * 64, size=1)),)

    def beside(image: Any) -> Any:
        image.content = image.content.model_copy(update={"weights": weights})
        return image

    link = make_image((tar(("model", {"type": tarfile.SYMTYPE, "linkname": "/etc"})),))
    scan(link.content, link.open_blob, machine="x86_64")
    assert "a file or link /model" in refusal(beside(link))
    inside = make_image(Volumes={"/model/cache": {}})
    scan(inside.content, inside.open_blob, machine="x86_64")
    assert "below /model, where a folder is mounted" in refusal(beside(inside))
    folder = beside(make_image((tar(("model/", {"type": tarfile.DIRTYPE})),)))
    scan(folder.content, folder.open_blob, machine="x86_64")
