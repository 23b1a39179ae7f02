"""Images from a registry: pinned, verified, and refused with a sentence."""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import contextmanager

import pytest

from proctor.cli.failures import CommandError
from proctor.cli.sources.credentials import stored_credentials
from proctor.cli.sources.reference import parse_reference
from proctor.cli.sources.registry_image import open_registry_image
from proctor.spec.digests import digest_bytes
from proctor_runner.intake.rules import IntakeLimits
from proctor_runner.intake.scan import scan


@pytest.fixture
def two_layers(make_layer):
    return make_layer("a.txt", b"good morning" * 1000), make_layer("b.txt", b"good night")


@pytest.fixture
def fetch(registry, tmp_path):
    """Open an image of the registry with what `docker login` keeps in a folder."""

    @contextmanager
    def run(version=":1", **options):
        name = f"docker://{registry.host}/models/svc{version}"
        with open_registry_image(name, tmp_path, lambda _: None, **options) as image:
            yield image

    return run


def refusal(fetch, *arguments, **options) -> CommandError:
    with pytest.raises(CommandError) as caught, fetch(*arguments, **options):
        pass
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return caught.value


def test_an_image_is_read_as_intake_wants_it_and_pinned_to_its_manifest(
    registry, fetch, two_layers
):
    manifest = registry.add_image(*two_layers)
    with fetch() as image:
        assert [one.digest for one in image.content.layers] == [*map(digest_bytes, two_layers)]
        assert [one.size for one in image.content.layers] == [*map(len, two_layers)]
        for content, file in zip(two_layers, image.content.layers, strict=True):
            with image.open_blob(file.digest) as stream:
                assert stream.read() == content
        scan(image.content, image.open_blob, machine="x86_64")
        assert image.source.url == f"{registry.host}/models/svc"
        assert image.source.revision == manifest
    with fetch(f"@{manifest}") as again:
        assert again.source.revision == manifest


def test_a_tag_that_moves_while_it_is_read_changes_nothing(registry, fetch, two_layers, make_layer):
    first = registry.add_image(*two_layers)
    with fetch() as image:
        moved = registry.add_image(make_layer("evil.txt", b"other"))
        assert moved != first
        assert image.source.revision == first
        assert image.content.layers[0].digest == digest_bytes(two_layers[0])
    assert [path for path, _ in registry.asked if "/manifests/" in path] == [
        "/v2/models/svc/manifests/1"
    ]


def test_of_several_platforms_the_one_of_the_workers_is_taken(registry, fetch, two_layers):
    wanted = registry.add_image(*two_layers, tag="amd")
    other = registry.add_image(two_layers[0], tag="arm")
    index = {
        "schemaVersion": 2,
        "manifests": [
            {"digest": other, "size": 1, "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": wanted, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}},
        ],
    }
    kind = "application/vnd.oci.image.index.v1+json"
    registry.add_manifest(index, "1", media_type=kind)
    with fetch() as image:
        assert image.source.revision == wanted
    registry.add_manifest(
        {**index, "manifests": index["manifests"][:1]}, "arm-only", media_type=kind
    )
    assert "has linux/arm64" in refusal(fetch, ":arm-only").message


def test_a_layer_that_is_cut_off_is_gone_on_with(registry, fetch, two_layers):
    registry.add_image(*two_layers)
    # The configuration comes whole, the layer in three pieces.
    registry.cut_at = [1 << 20, 40, 30]
    with fetch() as image, image.open_blob(digest_bytes(two_layers[0])) as stream:
        assert stream.read() == two_layers[0]
    ranges = [headers["Range"] for _, headers in registry.asked if "Range" in headers]
    assert ranges == ["bytes=40-", "bytes=70-"]


def test_a_layer_that_stays_cut_off_is_named(registry, fetch, two_layers):
    registry.add_image(*two_layers)
    registry.cut_at = [1 << 20] + [0] * 10
    assert "layer 1" in refusal(fetch).message or "cannot be reached" in refusal(fetch).message


def without_layer(registry, two_layers):
    registry.add_image(*two_layers)
    for digest, content in list(registry.blobs.items()):
        if content.startswith(b"\x1f\x8b"):
            del registry.blobs[digest]


def with_altered_layer(registry, two_layers):
    registry.add_image(*two_layers)
    for digest, content in list(registry.blobs.items()):
        if content.startswith(b"\x1f\x8b"):
            registry.blobs[digest] = content[:-1] + b"x"


def with_longer_layer(registry, two_layers):
    registry.add_image(*two_layers)
    for digest, content in list(registry.blobs.items()):
        if content.startswith(b"\x1f\x8b"):
            registry.blobs[digest] = content + b"more"


def with_altered_manifest(registry, two_layers):
    digest = registry.add_image(*two_layers)
    kind, content = registry.manifests[digest]
    registry.manifests[digest] = kind, content + b" "
    return f"@{digest}"


def with_half_a_gzip(registry, two_layers):
    registry.add_image(*two_layers, pack=lambda content: gzip.compress(content, mtime=0)[:-9])


def with_another_layer_inside(registry, two_layers):
    registry.add_image(*two_layers, pack=lambda _: gzip.compress(b"something else", mtime=0))


def with_a_bomb(registry, two_layers):
    registry.add_image(bytes(2 << 20))


def with_a_layer_type(kind):
    def make(registry, two_layers):
        registry.add_image(*two_layers, layer_type=kind)

    return make


def with_a_manifest_type(kind):
    def make(registry, two_layers):
        registry.add_image(*two_layers, media_type=kind)

    return make


def with_manifest(**changes):
    def make(registry, two_layers):
        registry.add_image(*two_layers, manifest_changes=changes)

    return make


FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NAUGHT = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda *_: None, "has no 1"),
        (without_layer, "has lost layer 1"),
        (with_altered_layer, "does not have the bytes that were promised"),
        (with_longer_layer, "layer 1"),
        (with_altered_manifest, "does not have the bytes that were promised"),
        (with_half_a_gzip, "damaged layer 1"),
        (with_another_layer_inside, "layer 1 that unpacks to"),
        (with_a_bomb, "unpacks to more than is allowed at layer 1"),
        (with_a_layer_type(FOREIGN), "a foreign one"),
        (with_a_layer_type("application/vnd.oci.image.layer.v1.tar+zstd"), "zstd"),
        (with_a_layer_type("application/vnd.in-toto+json"), "in-toto"),
        (
            with_a_manifest_type("application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "manifest of the kind",
        ),
        (with_manifest(layers=[]), "has 0 layers; its configuration names 2"),
        (with_manifest(layers=[7]), "layer of the kind"),
        (with_manifest(layers=[{"mediaType": FOREIGN}] * 128), "has 128 layers; 125 are allowed"),
        (with_manifest(config={"mediaType": "application/vnd.helm"}), "no container image"),
        (with_manifest(config={**NAUGHT, "digest": "sha256:../../etc"}), "a digest or a size"),
        (with_manifest(config={**NAUGHT, "digest": "sha256:" + "0" * 64, "size": -1}), "a size"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_sentence(registry, fetch, two_layers, make, said):
    version = make(registry, two_layers) or ":1"
    limits = IntakeLimits(unpacked_bytes=1 << 20)
    assert said in refusal(fetch, version, limits=limits).message


def test_a_registry_that_is_not_there_is_unreachable(registry, fetch):
    registry.host = "127.0.0.1:1"
    assert "127.0.0.1:1 cannot be reached" in refusal(fetch).message


def login_as(folder, host, user, password):
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


@pytest.mark.parametrize("token", ["", "a-token"])
def test_a_private_image_is_read_with_what_docker_login_keeps(
    registry, fetch, two_layers, tmp_path, token
):
    registry.add_image(*two_layers)
    registry.login, registry.token = ("ada", "secret:with:colons"), token
    registry.realm = f"http://{registry.host}/token"
    error = refusal(fetch)
    assert error.code == 3
    assert "docker login" in error.hint
    login_as(tmp_path, registry.host, "ada", "wrong")
    assert "does not show models/svc" in refusal(fetch).message
    login_as(tmp_path, registry.host, *registry.login)
    with fetch() as image:
        assert len(image.content.layers) == 2


def test_credentials_of_another_host_are_not_sent(registry, fetch, two_layers, tmp_path):
    registry.add_image(*two_layers)
    registry.login = ("ada", "secret")
    login_as(tmp_path, "elsewhere.example", *registry.login)
    refusal(fetch)
    assert not any("Authorization" in headers for _, headers in registry.asked)


def test_credentials_do_not_follow_a_redirect_to_another_host(
    registry, fetch, two_layers, tmp_path
):
    registry.add_image(*two_layers)
    registry.login = ("ada", "secret")
    login_as(tmp_path, registry.host, *registry.login)
    registry.redirect = f"http://localhost:{registry.host.split(':')[1]}/storage"
    refusal(fetch)
    there = [headers for path, headers in registry.asked if path == "/storage"]
    assert there
    assert not any("Authorization" in headers for headers in there)


def test_a_registry_of_this_machine_does_not_send_on_to_another_without_tls(
    registry, fetch, two_layers
):
    registry.add_image(*two_layers)
    registry.redirect = "http://storage.invalid/blobs"
    error = refusal(fetch)
    assert "sends to an address without HTTPS: storage.invalid" in error.message


def test_a_credential_file_that_is_broken_is_no_credentials(tmp_path):
    for content in (
        "",
        "[]",
        '{"auths": []}',
        '{"auths": {"h": {"auth": "%%"}}}',
        '{"auths": {"h": {}}}',
    ):
        (tmp_path / "config.json").write_text(content)
        assert stored_credentials(tmp_path, "h") is None
    assert stored_credentials(tmp_path / "nowhere", "h") is None


def test_another_machine_is_spoken_to_with_tls_only_unless_told_otherwise(tmp_path):
    name = "docker://registry.invalid/models/svc"
    with (
        pytest.raises(CommandError, match="cannot be reached") as caught,
        open_registry_image(name, tmp_path, lambda _: None),
    ):
        pass
    assert "--insecure-registry" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("docker://localhost:5000/a/b:1.0", "localhost:5000/a/b:1.0"),
        ("docker://ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("docker://busybox", "docker.io/library/busybox:latest"),
        ("docker://ada/svc:2", "docker.io/ada/svc:2"),
        (f"docker://ghcr.io/a/b:x@sha256:{'0' * 64}", f"ghcr.io/a/b@sha256:{'0' * 64}"),
    ],
)
def test_a_reference_means_what_docker_means_by_it(text, meant):
    assert str(parse_reference(text)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "docker://",
        "docker://ghcr.io/",
        "docker://ghcr.io/../x",
        "docker://ghcr.io/A/b",
        "docker://ghcr.io/a:",
        "docker://ghcr.io/a/b@sha256:123",
        "docker://ada:secret@ghcr.io/a/b",
        "docker://ghcr.io/a b",
        "docker://ghcr.io/a?x=1",
        "docker://ghcr.io/a#x",
        "docker://ghcr.io\r\nX: y/a",
        "docker://-evil.io/a",
        f"docker://ghcr.io/{'a' * 300}",
    ],
)
def test_what_names_no_image_is_wrong_usage(text):
    with pytest.raises(CommandError) as caught:
        parse_reference(text)
    assert caught.value.code == 2
