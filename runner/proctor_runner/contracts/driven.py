"""The program of an image whose server is reached by our driver in the same container."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proctor.spec.contract import Contract
from proctor.spec.model import Protocol
from proctor_runner.contracts.interface import ImageFacts
from proctor_runner.contracts.refusing import refusal
from proctor_runner.sandbox.interface import Places, Program

PLACE = "/proctor"
REQUESTS_FILE, ANSWER_FILE = "requests.json", "answer.json"

_SOURCE = Path(__file__).parent / "driver"
_START = f"import sys; sys.path[0] = {PLACE!r}; from proctor_driver.main import main; main()"
_HINT = "Its contract is spoken by a driver that takes Python 3.6 or later in the image."
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def driven_program(
    contract: Contract,
    image: ImageFacts,
    plan: Mapping[str, object],
    folder: Path,
    places: Places,
    weights: Path | None,
) -> Program:
    """Return the program that starts the driver, which starts the image's own command.

    Args:
        plan: What the driver is told beside the contract and the image's command.
        folder: A folder to make; it is mounted where the driver lies.
        places: Where else the container finds things.

    Raises:
        ParticipantError: IMAGE_REJECTED, the image has no command.
    """
    if not image.own_command:
        raise refusal(contract, "the image has neither ENTRYPOINT nor CMD to start its server by.")
    _lay_out(folder, {**plan, "contract": contract.value, "command": list(image.own_command)})
    return Program(
        image_id=image.id,
        model_folder=weights,
        command=("python3", "-c", _START),
        protocols=frozenset({Protocol.CASE, Protocol.SERVE}),
        places=replace(places, mounts={PLACE: folder}),
        start_hint=_HINT,
    )


def _lay_out(folder: Path, plan: Mapping[str, object]) -> None:
    package = folder / "proctor_driver"
    for made in (folder, package):
        made.mkdir()
        made.chmod(_FOLDER_MODE)
    files = {package / source.name: source.read_bytes() for source in _SOURCE.glob("*.py")}
    files[folder / "plan.json"] = json.dumps(plan).encode()
    for path, content in files.items():
        path.write_bytes(content)
        path.chmod(_FILE_MODE)
