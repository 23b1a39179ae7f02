"""ModelHub.AI: the Python interface in ``/contrib_src``, or the REST service on port 80."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from proctor.spec.contract import AnswerSpec, Contract, ModelHubContract, Sending
from proctor.spec.digests import canonical_json
from proctor.spec.task import InputType, TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts.driven import ANSWER_FILE, REQUESTS_FILE, driven_program
from proctor_runner.contracts.interface import ANSWER, AskedCase, ImageFacts, Reading
from proctor_runner.contracts.refusing import refuse_unknown_names
from proctor_runner.contracts.sending import Sent, as_file, as_pictures
from proctor_runner.sandbox.interface import Places, Program

_PORT = 80
ARRAY_FILES = tuple(f"array-{number}.npy" for number in range(8))
"""Where the driver leaves arrays of the answer."""


class ModelHubAdapter:
    """Asks a ModelHub image; weights are the ``contrib_src`` of a model's repository."""

    places = Places(model="/contrib_src", scratch=("/working",), low_ports=True)

    def __init__(self, said: ModelHubContract) -> None:
        self._said = said

    def program(self, image: ImageFacts, weights: Path | None, folder: Path) -> Program:
        """Return the image as a program."""
        plan = {"port": _PORT, "door": self._said.door.value, "inputs": self._said.inputs}
        return driven_program(Contract.MODELHUB, image, plan, folder, self.places, weights)

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return what is sent of a case, and how each output is read from the answers.

        Raises:
            ParticipantError: IMAGE_REJECTED.
        """
        refuse_unknown_names(Contract.MODELHUB, "output", self._said.outputs, task.outputs)
        refuse_unknown_names(Contract.MODELHUB, "input", self._said.inputs.values(), files)
        sent = {name: self._sent(task, name, files[name], case, folder) for name in files}
        inputs = {name: one.items for name, one in sent.items()}
        return AskedCase(
            documents={REQUESTS_FILE: canonical_json({"inputs": inputs})},
            inputs={name: path for one in sent.values() for name, path in one.files.items()},
            outputs=(ANSWER_FILE, *ARRAY_FILES),
            reading=Reading(
                files=dict.fromkeys(task.outputs, ANSWER_FILE),
                rules={
                    name: {
                        "how": ANSWER,
                        "of": Contract.MODELHUB.value,
                        "name": name,
                        **self._said.outputs.get(name, AnswerSpec()).model_dump(mode="json"),
                    }
                    for name in task.outputs
                },
                more=ARRAY_FILES,
            ),
        )

    def _sent(self, task: TaskSpec, name: str, path: Path, case: OrderCase, folder: Path) -> Sent:
        declared = task.inputs[name]
        wanted = self._said.send
        stacked = declared.type is InputType.ARRAY and case.items > 1
        if wanted is Sending.PNG or (wanted is None and stacked):
            target = folder / f"{name}.pictures"
            return as_pictures(Contract.MODELHUB, name, path, case.items, self._said.scale, target)
        return as_file(name, declared, path)
