"""Which contract a model keeps: as a person says, as its files or its image's label say.

A repository of ModelHub and a container_config.yaml of MedPerf are an image and what goes with it;
they are taken apart here. Nothing is downloaded.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from proctor.cli.failures import CommandError, Exit
from proctor.spec.contract import (
    LABEL,
    Contract,
    ForeignContract,
    MedPerfContract,
    ModelHubContract,
    parse_contract,
)

_INIT, _CONTRIB = Path("init") / "init.json", "contrib_src"
_CONTRIB_PLACE = "/contrib_src/"
_RUN_ARGUMENTS = frozenset(("command", "entrypoint", "environment", "gpus", "shm_size"))
_PARAMETERS = ("parameters.yaml", "workspace/parameters.yaml")


@dataclass(frozen=True)
class Foreign:
    """A model that was named by files of another system.

    Attributes:
        image: The image, or the archive of one, that it runs in.
        weights: The folder that goes with it.
    """

    image: str
    weights: Path | None
    contract: ForeignContract


def declared(
    said: str | None, foreign: Foreign | None, labels: Callable[[], Mapping[str, str]]
) -> ForeignContract | None:
    """Return the contract that an image keeps: as said, as its files or its label say.

    Raises:
        CommandError: There is no such contract.
    """
    if said is not None:
        return read_contract(said)
    return foreign.contract if foreign is not None else _of_labels(labels())


def refuse_beside_folder(said: str | None) -> None:
    """Refuse a contract that is said of a model folder.

    Raises:
        CommandError: It is another than the native one.
    """
    if said not in (None, Contract.NATIVE.value):
        raise CommandError(
            f"--contract {said} goes with an image; a model folder keeps the native contract.",
            "",
            Exit.USAGE,
        )


def read_contract(said: str) -> ForeignContract | None:
    """Return the contract that ``--contract`` means: a name, or a JSON file that says more.

    Raises:
        CommandError: It means none.
    """
    path = Path(said)
    if path.suffix in (".yaml", ".yml"):
        return read_container_config(path).contract
    is_file = path.suffix == ".json"
    try:
        return parse_contract(path.read_text(encoding="utf-8") if is_file else said)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", "", Exit.USAGE) from error
    except ValidationError as error:
        names = ", ".join(Contract)
        if not is_file:
            raise CommandError(
                f"There is no contract {said!r} that its name alone describes.",
                f"Name one of {names}, a .json file that says more, or a container_config.yaml.",
                Exit.USAGE,
            ) from error
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CommandError(f"{path}: {place}: {first['msg']}.", "", Exit.USAGE) from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}.", "", Exit.USAGE) from error


def foreign_of(path: Path) -> Foreign | None:
    """Return the model that files of another system describe; None where they are none.

    Raises:
        CommandError: They are, and something is wrong with them.
    """
    if path.is_file() and path.suffix in (".yaml", ".yml"):
        return read_container_config(path)
    if (path / _INIT).is_file() and (path / _CONTRIB).is_dir():
        return _read_repository(path)
    return None


def _of_labels(labels: Mapping[str, str]) -> ForeignContract | None:
    text = labels.get(LABEL, Contract.NATIVE.value)
    try:
        return parse_contract(text)
    except ValueError as error:
        raise CommandError(
            f"The image's label {LABEL} is {text[:100]!r}, which is no contract.",
            f"It is one of {', '.join(Contract)}; say --contract to pass over it.",
        ) from error


def _read_repository(folder: Path) -> Foreign:
    document = _mapping(_json(folder / _INIT), folder / _INIT)
    image = document.get("docker_id")
    if not isinstance(image, str) or not image:
        raise CommandError(f"{folder / _INIT}: docker_id: it names no image.")
    contrib = folder / _CONTRIB
    for entry in document.get("external_contrib_files") or ():
        facts = _mapping(entry, folder / _INIT)
        place = str(facts.get("dest_file_path", ""))
        file = contrib / place.removeprefix(_CONTRIB_PLACE)
        if not file.is_file():
            raise CommandError(
                f"{file} is not there; the repository keeps it elsewhere.",
                f"Download {facts.get('src_url')} to it first.",
            )
    return Foreign(image, contrib, ModelHubContract())


def read_container_config(path: Path) -> Foreign:
    """Read the ``infer`` task of a MedPerf ``container_config.yaml``.

    Its parameters are those of a ``parameters.yaml`` beside it, if there is one.

    Raises:
        CommandError: It is none, or asks for what is not offered.
    """
    document = _mapping(_yaml(path), path)
    kind, image = document.get("container_type"), str(document.get("image") or "")
    if kind == "DockerArchive":
        image = str(path.parent / image)
    elif kind != "DockerImage" or not image:
        raise CommandError(
            f"{path}: container_type is {kind!r} with image {image!r}; a DockerImage or a"
            " DockerArchive runs here.",
        )
    infer = _mapping(_mapping(document.get("tasks"), path).get("infer"), path, "tasks.infer")
    arguments = _mapping(infer.get("run_args") or {}, path, "run_args")
    if unknown := set(arguments) - _RUN_ARGUMENTS:
        raise CommandError(f"{path}: tasks.infer.run_args: {min(unknown)} is not allowed.")
    mounts = {
        label: str(_mapping(volume, path, label).get("mount_path"))
        for part in ("input_volumes", "output_volumes")
        for label, volume in _mapping(infer.get(part) or {}, path, part).items()
    }
    parameters = next(filter(Path.is_file, (path.parent / name for name in _PARAMETERS)), None)
    try:
        contract = MedPerfContract.model_validate(
            {
                "mounts": mounts,
                "entrypoint": _words(arguments.get("entrypoint")),
                "command": _words(arguments.get("command")),
                "environment": {
                    key: str(value)
                    for key, value in _mapping(
                        arguments.get("environment") or {}, path, "environment"
                    ).items()
                },
                "parameters": {} if parameters is None else _yaml(parameters) or {},
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise CommandError(
            f"{path}: tasks.infer: {'.'.join(map(str, first['loc']))}: {first['msg']}."
        ) from error
    return Foreign(image, None, contract)


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(word) for word in value]
    return shlex.split(str(value)) if value else []


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {error}.") from error


def _yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CommandError(f"{path} cannot be read: {error}.") from error


def _mapping(value: object, path: Path, what: str = "") -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CommandError(f"{path}: {what or 'it'} holds no mapping.")
    return value
