import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from proctor_runner.images.builder import engine_files
from proctor_runner.images.context import ImageRecipe, source_files, write_archive
from proctor_runner.images.errors import ImageBuildError

RECIPE = ImageRecipe(
    repository="proctor/runtime-cpu",
    base="proctor/base:local",
    base_id="sha256:aa",
    files={"Dockerfile": b"FROM scratch\n", "requirements.txt": b"numpy==2.4.6\n"},
)


def test_what_writes_new_models_does_not_change_the_runtime_image() -> None:
    places = {path.removeprefix("site-packages/proctor/") for path in engine_files()}
    assert {"__init__.py", "template/__main__.py", "template/engine.py"} <= places
    assert [place for place in places if "scaffold" in place] == []


def test_the_same_inputs_have_the_same_tag_in_any_order() -> None:
    turned = replace(RECIPE, files=dict(reversed(list(RECIPE.files.items()))))
    assert turned.tag == RECIPE.tag
    assert RECIPE.tag == f"proctor/runtime-cpu:{RECIPE.digest[:12]}"


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECIPE, base_id="sha256:bb"),
        replace(RECIPE, files={**RECIPE.files, "Dockerfile": b"FROM scratch\nUSER 1\n"}),
        replace(RECIPE, files={**RECIPE.files, "site-packages/proctor/__init__.py": b""}),
        replace(
            RECIPE, files={"Dockerfile": b"numpy==2.4.6\n", "requirements.txt": b"FROM scratch\n"}
        ),
    ],
    ids=["base", "content", "file added", "contents swapped"],
)
def test_any_changed_input_changes_the_tag(changed: ImageRecipe) -> None:
    assert changed.tag != RECIPE.tag


def test_the_name_of_the_base_is_not_its_identity() -> None:
    assert replace(RECIPE, base="python:3.12-slim").tag == RECIPE.tag


def test_bytecode_is_not_a_source(tmp_path: Path) -> None:
    (tmp_path / "deep" / "__pycache__").mkdir(parents=True)
    (tmp_path / "deep" / "__pycache__" / "a.pyc").write_bytes(b"x")
    (tmp_path / "deep" / "a.py").write_bytes(b"A = 1\n")
    assert source_files(tmp_path, "site-packages/a") == {"site-packages/a/deep/a.py": b"A = 1\n"}


@pytest.mark.parametrize("exists", [True, False])
def test_an_image_is_not_made_without_its_sources(tmp_path: Path, exists: bool) -> None:
    package = tmp_path / "engine"
    if exists:
        package.mkdir()
    with pytest.raises(ImageBuildError, match="engine holds no sources"):
        source_files(package, "site-packages/engine")


def test_an_archive_tells_nothing_of_the_machine_it_was_made_on(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    target = io.BytesIO()
    write_archive(target, {"site-packages/p/a.py": b"A = 1\n"}, {wheel.name: wheel})
    target.seek(0)
    with tarfile.open(fileobj=target) as archive:
        entries = {entry.name: entry for entry in archive}
        stored = archive.extractfile("wheels/a-1-py3-none-any.whl")
        assert stored is not None
        assert stored.read() == b"wheel"
    assert list(entries) == [
        "site-packages",
        "site-packages/p",
        "wheels",
        "site-packages/p/a.py",
        "wheels/a-1-py3-none-any.whl",
    ]
    assert {(entry.mtime, entry.uid, entry.uname) for entry in entries.values()} == {(0, 0, "")}
    assert {entry.mode for entry in entries.values()} == {0o755, 0o644}
