"""The Model Asset Exchange: a server on port 5000 that answers ``/model/predict``.

One form or JSON document is sent for each item of a case, or one JSON document for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from proctor.spec.contract import AnswerSpec, Contract, MaxContract, Sending
from proctor.spec.digests import canonical_json
from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts.driven import ANSWER_FILE, REQUESTS_FILE, driven_program
from proctor_runner.contracts.interface import ANSWER, AskedCase, ImageFacts, Reading
from proctor_runner.contracts.refusing import only, refuse_unknown_names
from proctor_runner.contracts.sending import Sent, as_file, as_json, as_pictures, sending_of
from proctor_runner.sandbox.interface import Places, Program

_PORT = 5000


class MaxAdapter:
    """Asks a MAX image; weights take the place of its assets."""

    places = Places(model="/opt/app/assets")

    def __init__(self, said: MaxContract) -> None:
        self._said = said

    def program(self, image: ImageFacts, weights: Path | None, folder: Path) -> Program:
        """Return the image as a program."""
        return driven_program(Contract.MAX, image, {"port": _PORT}, folder, self.places, weights)

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return what is sent of a case, and how each output is read from the answers.

        Raises:
            ParticipantError: IMAGE_REJECTED.
        """
        refuse_unknown_names(Contract.MAX, "output", self._said.outputs, task.outputs)
        sent = self._sent(task, case, files, folder)
        query = f"?{urlencode(self._said.query)}" if self._said.query else ""
        items = [{"query": query, "field": self._said.field} | item for item in sent.items]
        return AskedCase(
            documents={REQUESTS_FILE: canonical_json({"items": items})},
            inputs=sent.files,
            outputs=(ANSWER_FILE,),
            reading=Reading(
                files=dict.fromkeys(task.outputs, ANSWER_FILE),
                rules={
                    name: {
                        "how": ANSWER,
                        "of": Contract.MAX.value,
                        "size": sent.size,
                        **self._said.outputs.get(name, AnswerSpec()).model_dump(mode="json"),
                    }
                    for name in task.outputs
                },
            ),
        )

    def _sent(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> Sent:
        name = only(Contract.MAX, self._said.input, files)
        declared, path = task.inputs[name], files[name]
        match sending_of(declared, self._said.send):
            case Sending.PNG:
                target = folder / "pictures"
                return as_pictures(Contract.MAX, name, path, case.items, self._said.scale, target)
            case Sending.JSON:
                return as_json(Contract.MAX, name, path, self._said.field, self._said.column)
            case Sending.FILE:
                return as_file(name, declared, path)
