import hashlib
import zipfile
from pathlib import Path

import pytest

from proctor_runner.images.errors import ImageBuildError
from proctor_runner.images.wheels import (
    PythonTarget,
    download_wheels,
    parse_probe,
    pinned_names,
)

DEBIAN_12 = PythonTarget(3, 11, "x86_64", 36)
IMAGES = Path(__file__).parents[3] / "runner" / "proctor_runner" / "images"


def write_wheel(folder: Path, name: str, text: str = "A = 1\n") -> Path:
    path = folder / name
    project, version = name.split("-")[:2]
    info = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{project}.py", text)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def pin(folder: Path, wheel: Path) -> Path:
    project, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path = folder / "requirements.txt"
    path.write_text(
        f"--no-index\n--find-links {wheel.parent}\n{project}=={version} --hash=sha256:{digest}\n"
    )
    return path


def test_the_python_of_a_debian_base_is_understood() -> None:
    target = parse_probe([3, 11, "x86_64", "glibc", "2.36"], "proctor/base:local")
    assert target == DEBIAN_12
    assert target.platforms[0] == "manylinux_2_36_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64"} < set(target.platforms)


def test_a_base_without_glibc_is_refused_with_a_way_out() -> None:
    with pytest.raises(ImageBuildError, match=r"python:3\.12-alpine.*python:3\.12-slim"):
        parse_probe([3, 12, "x86_64", "", ""], "python:3.12-alpine")


def test_wheels_are_fetched_once_and_then_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    wheel = write_wheel(source, "proctor_probe-1.0-py3-none-any.whl")
    requirements = pin(tmp_path, wheel)
    first = download_wheels(requirements, DEBIAN_12, tmp_path / "cache")
    wheel.unlink()
    again = download_wheels(requirements, DEBIAN_12, tmp_path / "cache")
    assert list(first) == [wheel.name]
    assert again == first


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    requirements = pin(tmp_path, write_wheel(source, "proctor_probe-1.0-py3-none-any.whl"))
    write_wheel(source, "proctor_probe-1.0-py3-none-any.whl", "A = 'altered'\n")
    with pytest.raises(ImageBuildError, match="cp311-x86_64"):
        download_wheels(requirements, DEBIAN_12, tmp_path / "cache")


@pytest.mark.parametrize("image", ["runtime_cpu", "runtime_torch"])
def test_every_package_of_an_image_is_pinned_by_hash_and_by_no_address(image: str) -> None:
    text = (IMAGES / image / "requirements.txt").read_text()
    asked = (IMAGES / image / "requirements.in").read_text().split()
    assert set(asked) <= {name.split("==")[0] for name in pinned_names(text)}
    assert all(
        "--hash=sha256:" in block for block in text.replace("\\\n", "").splitlines() if block
    )
    assert "://" not in text
