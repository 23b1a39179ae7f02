"""What a participant names as MODEL, as content by digest: a folder, an image, or an archive.

A model folder is listed and hashed here. An image is taken apart by the runner's reader of
`docker save` archives; its identity is its config's digest, so a tag changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import say
from proctor.client.blobs import Blob
from proctor.spec.digests import FolderError, read_folder
from proctor.spec.model import ModelCard
from proctor.spec.work import FolderContent, ImageContent
from proctor.template.scaffold import placeholders

if TYPE_CHECKING:
    import docker

    from proctor_runner.intake.archive import LocalImage

_CARD = "model.json"


@dataclass(frozen=True)
class Model:
    """A model ready to be sent.

    Attributes:
        name: How the person called it.
        blobs: Every file of the content.
    """

    name: str
    content: FolderContent | ImageContent
    card: ModelCard
    blobs: tuple[Blob, ...]


class ImageFiles(NamedTuple):
    """An image as the blobs it is made of."""

    content: ImageContent
    blobs: tuple[Blob, ...]


@contextmanager
def open_model(name: str, card: Path | None, say: Callable[[str], None]) -> Generator[Model]:
    """Give the model that ``name`` means: a folder, a `docker save` archive, or a local image.

    Args:
        card: The ``model.json`` of an image; one with its name alone is made if none is given.

    Raises:
        CommandError: There is no such model, or it cannot be read.
    """
    path = Path(name)
    with ExitStack() as stack:
        if path.is_dir():
            yield _folder(path, card)
        elif path.is_file():
            image = stack.enter_context(open_archive(path))
            yield Model(name, image.content, _image_card(name, card), image.blobs)
        else:
            refuse_unknown(name)
            say(f"Reading the image {name} from the Docker daemon.")
            image = stack.enter_context(open_image(name))
            yield Model(name, image.content, _image_card(name, card), image.blobs)


def remark_on(card: ModelCard) -> None:
    """Say which fields of a card were never filled in; everybody will see them."""
    if left := placeholders(card.description, card.authors):
        say(f"model.json still holds the words of `proctor model init`: {', '.join(left)}.")


def read_card(path: Path) -> ModelCard:
    """Read a ``model.json``.

    Raises:
        CommandError: It is not there, is no JSON, or a field is wrong.
    """
    try:
        return ModelCard.model_validate(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise CommandError(
            f"There is no {path}; a model folder has its card there.",
            "`proctor model init` writes a folder that is complete.",
            Exit.USAGE,
        ) from error
    except ValidationError as error:
        problems = "".join(
            f"\n  {path}: {'.'.join(map(str, entry['loc']))}: {entry['msg']}"
            for entry in error.errors()
        )
        raise CommandError(f"The model card is not valid:{problems}") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}.") from error


def refuse_unknown(name: str) -> None:
    """Refuse what is neither a folder nor a file here, nor an image of the local Docker daemon.

    Raises:
        CommandError: It is none of them.
    """
    from docker.errors import APIError, ImageNotFound

    if Path(name).exists():
        return
    if _looks_like_a_path(name):
        raise CommandError(f"There is no folder or file {name}.", "", Exit.USAGE)
    try:
        with docker_client() as daemon:
            daemon.images.get(name)
    except CommandError as error:
        raise CommandError(
            f"There is no folder or file {name}, and no Docker daemon answers that could have an"
            " image of that name.",
            error.hint,
            Exit.USAGE,
        ) from error
    except (ImageNotFound, APIError) as error:
        raise CommandError(
            f"{name} is neither a folder nor a file here, nor an image of the local Docker daemon.",
            "`proctor model init` writes a model folder; `docker images` lists the images.",
            Exit.USAGE,
        ) from error


@contextmanager
def docker_client() -> Generator[docker.DockerClient]:
    """Give a client of the local Docker daemon.

    Raises:
        CommandError: None answers.
    """
    import docker
    from docker.errors import DockerException

    with ExitStack() as stack:
        try:
            client = stack.enter_context(closing(docker.from_env(timeout=600)))
            client.ping()
        except (DockerException, OSError) as error:
            raise CommandError(
                f"No Docker daemon answers: {error}.",
                "Start one, or give a model folder or a `docker save` archive.",
            ) from error
        yield client


def _folder(folder: Path, card_path: Path | None) -> Model:
    card = read_card(card_path or folder / _CARD)
    if card.runtime is None:
        raise CommandError(
            f"{folder / _CARD}: runtime: a model folder names the runtime image it runs on.",
            'For example "runtime": "runtime-cpu".',
        )
    try:
        entries = read_folder(folder)
    except FolderError as error:
        raise CommandError(str(error)) from error
    return Model(
        name=str(folder),
        content=FolderContent(entries=entries, runtime=card.runtime),
        card=card,
        blobs=tuple(Blob.of_file(folder / entry.path, entry.file) for entry in entries),
    )


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith((".tar", ".tar.gz", ".tgz"))


def _image_card(name: str, card_path: Path | None) -> ModelCard:
    if card_path is not None:
        return read_card(card_path)
    last = name.rstrip("/").rpartition("/")[2].removesuffix(".tar").partition("@")[0]
    slug = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:64].strip("-")
    return ModelCard(name=slug or "image", title=name[:120])


@contextmanager
def open_archive(path: Path) -> Generator[ImageFiles]:
    """Give what the image in a `docker save` archive is made of.

    Raises:
        ParticipantError: The archive holds no image that a platform would take.
    """
    from proctor_runner.intake.archive import read_archive

    with read_archive(path) as image:
        yield _files(image)


@contextmanager
def open_image(reference: str) -> Generator[ImageFiles]:
    """Give what an image of the local Docker daemon is made of.

    Raises:
        CommandError: No daemon answers.
        ParticipantError: The daemon has no such image.
    """
    from proctor_runner.intake.archive import read_local

    with docker_client() as client, read_local(client, reference) as image:
        yield _files(image)


def _files(image: LocalImage) -> ImageFiles:
    refs = (image.content.config, *image.content.layers)
    return ImageFiles(
        image.content, tuple(Blob(ref, partial(image.open_blob, ref.digest)) for ref in refs)
    )
