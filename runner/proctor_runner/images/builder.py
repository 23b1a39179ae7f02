"""The images Proctor makes itself: two runtimes of model folders, and `decode` that reads outputs.

Each call is cheap when nothing changed: an image's tag carries the digest of all that goes into it,
and a tag that exists is an image that is ready. It does not know what runs in them, nor who may use
them.
"""

import fcntl
import json
import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import docker
from docker.errors import ContainerError, DockerException, ImageNotFound
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from proctor_runner.images.base import BaseImage, BringDebootstrap, ensure_base
from proctor_runner.images.context import ImageRecipe, source_files, write_archive
from proctor_runner.images.errors import ImageBuildError
from proctor_runner.images.wheels import PROBE, PythonTarget, download_wheels, parse_probe

RUNTIME_REPOSITORY = "proctor/runtime-cpu"
TORCH_REPOSITORY = "proctor/runtime-torch"
DECODE_REPOSITORY = "proctor/decode"

_HERE = Path(__file__).parent
_REQUIREMENTS = "requirements.txt"
_BUILD_SILENCE_LIMIT_S = 600


def released_tag(repository: str) -> str:
    """Return the tag people write in a Dockerfile, such as `proctor/runtime-cpu:0.1.0`."""
    return f"{repository}:{version('proctor')}"


@dataclass(frozen=True)
class ImageBuilder:
    """Makes Proctor's own images on one Docker daemon.

    Args:
        client: The Docker daemon that builds and keeps the images.
        cache: Folder for downloaded wheels and the archive of a base image made here.
        progress: Receives one line for each step that takes time.
        base: Base image to start from; by default the first that can be had.
        bring_debootstrap: Called when a base has to be made and debootstrap is missing.
    """

    client: docker.DockerClient
    cache: Path
    progress: Callable[[str], None]
    base: str | None = None
    bring_debootstrap: BringDebootstrap = lambda: None

    def ensure_base(self) -> BaseImage:
        """Return the base image, brought or made if need be.

        Raises:
            ImageBuildError: None can be had.
        """
        with self._one_at_a_time(), _daemon_errors("base"):
            return ensure_base(
                self.client, self.cache, self.progress, self.base, self.bring_debootstrap
            )

    def ensure_runtime(self) -> str:
        """Return the id of the `runtime-cpu` image, built if anything in it changed.

        Raises:
            ImageBuildError: It could not be built.
        """
        base = self.ensure_base()
        with self._one_at_a_time(), _daemon_errors(RUNTIME_REPOSITORY):
            files = _folder_files("runtime_cpu") | engine_files()
            return self._ensure(ImageRecipe(RUNTIME_REPOSITORY, base.name, base.id, files))

    def ensure_torch(self, requirements: Path | None = None) -> str:
        """Return the id of the `runtime-torch` image, built if anything in it changed.

        Args:
            requirements: Pins with hashes instead of ours: for the CPU alone, or another CUDA.

        Raises:
            ImageBuildError: It could not be built.
        """
        runtime_id = self.ensure_runtime()
        with self._one_at_a_time(), _daemon_errors(TORCH_REPOSITORY):
            files = _folder_files("runtime_torch")
            if requirements is not None:
                files[_REQUIREMENTS] = requirements.read_bytes()
            base = released_tag(RUNTIME_REPOSITORY)
            return self._ensure(ImageRecipe(TORCH_REPOSITORY, base, runtime_id, files))

    def ensure_decode(self) -> str:
        """Return the id of the `decode` image, built if it or the runtime image changed.

        Raises:
            ImageBuildError: It could not be built.
        """
        runtime_id = self.ensure_runtime()
        with self._one_at_a_time(), _daemon_errors(DECODE_REPOSITORY):
            files = _folder_files("decode") | _decode_files()
            base = released_tag(RUNTIME_REPOSITORY)
            return self._ensure(ImageRecipe(DECODE_REPOSITORY, base, runtime_id, files))

    def _ensure(self, recipe: ImageRecipe) -> str:
        image_id = _find_id(self.client, recipe.tag)
        if image_id is None:
            wheels = self._wheels(recipe)
            self.progress(f"Building {recipe.tag}.")
            image_id = self._build(recipe, wheels)
        self.client.api.tag(image_id, recipe.repository, version("proctor"))
        return image_id

    def _wheels(self, recipe: ImageRecipe) -> dict[str, Path]:
        pins = recipe.files.get(_REQUIREMENTS)
        if pins is None:
            return {}
        target = self._target(recipe.base)
        self.progress(f"Collecting wheels for {recipe.repository} ({target.name}).")
        with tempfile.TemporaryDirectory() as folder:
            requirements = Path(folder) / _REQUIREMENTS
            requirements.write_bytes(pins)
            return download_wheels(requirements, target, self.cache / "wheels")

    def _target(self, base: str) -> PythonTarget:
        command = ["python3", "-c", PROBE]
        try:
            answer = self.client.containers.run(
                base, command, entrypoint="", remove=True, network_mode="none"
            )
        except ContainerError as error:
            raise ImageBuildError(
                f"The base image {base} does not run Python: {error.stderr!r}",
                "Choose a base with Python 3 on glibc, such as python:3.12-slim.",
            ) from error
        return parse_probe(json.loads(answer), base)

    def _build(self, recipe: ImageRecipe, wheels: Mapping[str, Path]) -> str:
        with tempfile.TemporaryFile() as archive:
            write_archive(archive, recipe.files, wheels)
            archive.seek(0)
            # No network: what is installed is what was pinned and digested. No proxies of this
            # host's configuration either: they would end up in the image's history.
            events = self.client.api.build(
                fileobj=archive,
                custom_context=True,
                tag=recipe.tag,
                buildargs={"BASE": recipe.base},
                network_mode="none",
                use_config_proxy=False,
                rm=True,
                forcerm=True,
                timeout=_BUILD_SILENCE_LIMIT_S,
                decode=True,
            )
            _follow(events, recipe.tag)
        return str(self.client.images.get(recipe.tag).id)

    @contextmanager
    def _one_at_a_time(self) -> Generator[None]:
        """Keep two processes of this host from making the same image twice."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _find_id(client: docker.DockerClient, tag: str) -> str | None:
    try:
        return str(client.images.get(tag).id)
    except ImageNotFound:
        return None


def _folder_files(folder: str) -> dict[str, bytes]:
    paths = (_HERE / folder / name for name in ("Dockerfile", _REQUIREMENTS))
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def engine_files() -> dict[str, bytes]:
    """Return the engine of model folders as it lies in the runtime image, by its place there."""
    package = _package_folder("proctor")
    under = "site-packages/proctor/template"
    # What writes a new model folder is for people's machines: an image must not change with it.
    files = {
        path: data
        for path, data in source_files(package / "template", under).items()
        if not path.startswith((f"{under}/scaffold.py", f"{under}/scaffolds/"))
    }
    return {"site-packages/proctor/__init__.py": (package / "__init__.py").read_bytes(), **files}


def _decode_files() -> dict[str, bytes]:
    package, under = _package_folder("proctor_runner"), "site-packages/proctor_runner"
    return {
        f"{under}/__init__.py": b"",
        **source_files(package / "decode", f"{under}/decode"),
        **source_files(package / "metric_program", f"{under}/metric_program"),
    }


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ImageBuildError(
            f"The package {name} is not installed beside proctor_runner.",
            "Install the whole of proctor.",
        )
    return Path(spec.origin).parent


def _follow(events: Iterable[dict[str, str]], tag: str) -> None:
    tail: list[str] = []
    for event in events:
        if "error" in event:
            said = re.sub(r"\x1b\[[0-9;]*m", "", "".join(tail[-15:])).strip()
            raise ImageBuildError(
                f"Building {tag} failed: {event['error']}\n{said}",
                "Read the lines above; when they name the disk, free some space; then try again.",
            )
        tail.append(event.get("stream", ""))


@contextmanager
def _daemon_errors(name: str) -> Generator[None]:
    """Say of a daemon's failure which image it concerns.

    Raises:
        ImageBuildError: The daemon refused or went away.
    """
    try:
        yield
    except (DockerException, RequestException, HTTPError) as error:
        raise ImageBuildError(
            f"The Docker daemon failed while the image {name} was prepared: {error}",
            "Check `docker info` and the daemon's log, then try again.",
        ) from error
