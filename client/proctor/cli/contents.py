"""What a participant names as MODEL, as content by digest: a folder, an image, an archive, a place.

A model folder is listed and hashed here. An image is taken apart by the runner's reader of
`docker save` archives; its identity is its config's digest, so a tag changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from proctor.cli.contracts import Foreign, declared, foreign_of, refuse_beside_folder
from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.graphs import graph_folder, is_graph
from proctor.cli.output import say
from proctor.cli.sources.git import PREFIX
from proctor.cli.sources.reference import SCHEME
from proctor.cli.zipped_folders import is_zipped_folder, unzipped_folder
from proctor.client.blobs import Blob
from proctor.spec.base import slug_from
from proctor.spec.card.claims import claims_of_nothing, measured_by
from proctor.spec.card.reading import CardError, read_card_file
from proctor.spec.digests import FolderEntry, FolderError, read_folder
from proctor.spec.model import ModelCard
from proctor.spec.work import AnyContent, FolderContent, ImageContent
from proctor.template.scaffold import placeholders

if TYPE_CHECKING:
    import docker

    from proctor.cli.sources.registry_image import RegistryImage
    from proctor.spec.api import Source
    from proctor.spec.challenge import ChallengeSpec
    from proctor.spec.limits import Limits
    from proctor.spec.uploads import PlatformLimits
    from proctor_runner.intake.archive import LocalImage

_CARD = "model.json"
_MOST_WEIGHTS = 20_000


@dataclass(frozen=True)
class Model:
    """A model ready to be sent.

    Attributes:
        name: How the person called it.
        blobs: Every file of the content.
        source: Where it was fetched from, if not from this machine.
    """

    name: str
    content: AnyContent
    card: ModelCard
    blobs: tuple[Blob, ...]
    source: Source | None = None


class ImageFiles(NamedTuple):
    """An image as the blobs it is made of."""

    content: ImageContent
    blobs: tuple[Blob, ...]


@contextmanager
def open_model(
    name: str,
    card: Path | None,
    say: Callable[[str], None],
    *,
    weights: Path | None = None,
    limits: Callable[[], PlatformLimits] | None = None,
    insecure_registry: bool = False,
    contract: str | None = None,
) -> Generator[Model]:
    """Give the model that ``name`` means.

    It is a folder, zipped or not, an ``.onnx`` file, a `docker save` archive, a local image,
    ``docker://`` and an image elsewhere, ``git+https://`` and a repository at a commit, or files of
    another system that name an image.

    Args:
        card: The ``model.json`` of an image; one with its name alone is made if none is given.
        weights: A folder that goes with an image, to be mounted at /model.
        limits: Asks the platform what it takes; without it no repository can be named.
        insecure_registry: Speak plain HTTP to a registry on another machine.
        contract: What the image keeps, as ``--contract`` says; else its files or its label do.

    Raises:
        CommandError: There is no such model, or it cannot be read.
    """
    path = Path(name)
    with ExitStack() as stack:
        if is_zipped_folder(path):
            path = stack.enter_context(unzipped_folder(path))
        foreign = foreign_of(path)
        if foreign is not None:
            name, path = foreign.image, Path(foreign.image)
            weights = weights or foreign.weights
        if name.startswith(PREFIX):
            model = _from_repository(stack, name, card, say, limits)
        elif name.startswith(SCHEME):
            model = _from_registry(stack, name, card, say, insecure_registry)
        elif path.is_dir():
            model = replace(_folder(path, card), name=name)
        elif is_graph(path):
            folder = stack.enter_context(graph_folder(path, card))
            model = replace(_folder(folder, None), name=name)
        elif path.is_file():
            image = stack.enter_context(open_archive(path))
            model = Model(name, image.content, _image_card(name, card), image.blobs)
        else:
            refuse_unknown(name)
            say(f"Reading the image {name} from the Docker daemon.")
            image = stack.enter_context(open_image(name))
            model = Model(name, image.content, _image_card(name, card), image.blobs)
        if weights is not None:
            model = _with_weights(model, weights)
        yield _with_contract(model, contract, foreign)


def remark_on(card: ModelCard, spec: ChallengeSpec, limits: Limits) -> None:
    """Say what of a card its author may want to mend; everybody will see it."""
    if left := placeholders(card.description, card.authors):
        say(f"model.json still holds the words of `proctor model init`: {', '.join(left)}.")
    for beyond in card.resources.beyond(limits):
        say(f"resources.{beyond}.")
    if strange := claims_of_nothing(card, spec.tasks):
        say(
            f"claimed_scores names what {spec.slug} does not measure: {', '.join(strange)}. Its"
            f" metrics are {', '.join(measured_by(spec.tasks))}."
        )


def read_card(path: Path) -> ModelCard:
    """Read a ``model.json``.

    Raises:
        CommandError: It is not there, is no JSON, or a field is wrong.
    """
    try:
        return read_card_file(path)
    except FileNotFoundError as error:
        raise CommandError(
            f"There is no {path}; a model folder has its card there.",
            "`proctor model init` writes a folder that is complete.",
            Exit.USAGE,
        ) from error
    except CardError as error:
        problems = "".join(f"\n  {path}: {problem}" for problem in error.problems)
        raise CommandError(
            f"The model card is not valid:{problems}",
            "docs/model-json.md has every field; `proctor model upgrade` reads ModelHub's.",
        ) from error


def refuse_unknown(name: str) -> None:
    """Refuse what is neither a folder nor a file here, nor an image of the local Docker daemon.

    Raises:
        CommandError: It is none of them.
    """
    from docker.errors import APIError, ImageNotFound

    if Path(name).exists():
        return
    if _looks_like_a_path(name):
        raise CommandError(
            f"There is no folder or file {name}.",
            "Give the path of a model folder, an .onnx file or a `docker save` archive.",
            Exit.USAGE,
        )
    if name.startswith(("docker://", "git+")):
        raise CommandError(
            f"{name} is elsewhere, and only `proctor submit` fetches from there.",
            "For a model on this machine `docker pull` the image, or clone the repository.",
            Exit.USAGE,
        )
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


def _from_repository(
    stack: ExitStack,
    name: str,
    card: Path | None,
    say: Callable[[str], None],
    limits: Callable[[], PlatformLimits] | None,
) -> Model:
    from proctor.cli.sources.git import open_git_folder

    if limits is None:
        raise CommandError(
            "A repository is named when a model is submitted, and nowhere else.",
            "Clone it and give the folder.",
            Exit.USAGE,
        )
    taken = limits()
    folder, source = stack.enter_context(
        open_git_folder(
            name, taken.git_hosts, taken.max_folder_bytes, read_environment().network, say
        )
    )
    return replace(_folder(folder, card), name=name, source=source)


def _from_registry(
    stack: ExitStack, name: str, card: Path | None, say: Callable[[str], None], insecure: bool
) -> Model:
    from proctor.cli.sources.registry_image import open_registry_image

    image = stack.enter_context(
        open_registry_image(name, read_environment().docker_config, say, insecure=insecure)
    )
    files = _files(image)
    card_of_image = _image_card(name.removeprefix(SCHEME), card)
    return Model(name, files.content, card_of_image, files.blobs, image.source)


def _with_weights(model: Model, folder: Path) -> Model:
    """Return an image with a folder of weights beside it."""
    if not isinstance(model.content, ImageContent):
        raise _no_weights()
    entries = read_weights(folder)
    content = model.content.model_copy(update={"weights": entries})
    blobs = tuple(Blob.of_file(folder / entry.path, entry.file) for entry in entries)
    return replace(model, content=content, blobs=(*model.blobs, *blobs))


def _with_contract(model: Model, said: str | None, foreign: Foreign | None) -> Model:
    """Return an image with the contract that it keeps."""
    if not isinstance(model.content, ImageContent):
        refuse_beside_folder(said)
        return model
    config = next(blob for blob in model.blobs if blob.ref == model.content.config)

    def labels() -> Mapping[str, str]:
        with config.open() as stream:
            return (json.load(stream).get("config") or {}).get("Labels") or {}

    found = declared(said, foreign, labels)
    return replace(model, content=model.content.model_copy(update={"contract": found}))


def refuse_weights(model: Path | str) -> None:
    """Refuse weights beside a model folder, which has its own inside.

    Raises:
        CommandError: It is one.
    """
    if isinstance(model, Path) and model.is_dir():
        raise _no_weights()


def _no_weights() -> CommandError:
    return CommandError(
        "--weights goes with an image; a model folder has its weights inside.", "", Exit.USAGE
    )


def read_weights(folder: Path) -> tuple[FolderEntry, ...]:
    """List a folder of weights.

    Raises:
        CommandError: It is no folder, is empty, has too many files, or holds a link.
    """
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.", "", Exit.USAGE)
    try:
        entries = read_folder(folder)
    except (FolderError, ValidationError) as error:
        raise CommandError(f"{folder}: {error}") from error
    if not entries or len(entries) > _MOST_WEIGHTS:
        raise CommandError(
            f"{folder} has {len(entries)} files; weights are 1 to {_MOST_WEIGHTS}.",
            "Files whose name starts with a dot are left out.",
        )
    return entries


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith((".tar", ".tar.gz", ".tgz"))


def _image_card(name: str, card_path: Path | None) -> ModelCard:
    if card_path is not None:
        return read_card(card_path)
    last = name.rstrip("/").rpartition("/")[2].removesuffix(".tar").partition("@")[0]
    return ModelCard(name=slug_from(last, "image"), title=name[:120])


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


def _files(image: LocalImage | RegistryImage) -> ImageFiles:
    refs = (image.content.config, *image.content.layers)
    return ImageFiles(
        image.content, tuple(Blob(ref, partial(image.open_blob, ref.digest)) for ref in refs)
    )
