"""MedPerf: a model container by the ``infer`` task of its ``container_config.yaml``.

It finds one case in its data folder and writes to its output folder; both lie where it says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proctor.spec.contract import Contract, MedPerfContract
from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts.interface import NATIVE, AskedCase, ImageFacts, Reading
from proctor_runner.contracts.native import suffix
from proctor_runner.contracts.refusing import refuse_unknown_names
from proctor_runner.sandbox.interface import Places, Program

_UNUSED = "/proctor/weights"


class MedPerfAdapter:
    """Asks a model container; weights are its additional files."""

    def __init__(self, said: MedPerfContract) -> None:
        self._said = said
        self.places = Places(
            input=said.mounts.data_path,
            output=said.mounts.output_path,
            model=said.mounts.additional_files or _UNUSED,
        )

    def program(self, image: ImageFacts, weights: Path | None, folder: Path) -> Program:
        """Return the image with the command that it declares.

        Any YAML reader reads the parameters: JSON is YAML.
        """
        said, mounts = self._said, self._said.mounts
        ours: dict[str, Path] = {}
        if mounts.parameters_file is not None:
            folder.mkdir()
            folder.chmod(0o755)
            parameters = folder / "parameters.yaml"
            parameters.write_text(json.dumps(said.parameters, indent=1) + "\n", encoding="utf-8")
            parameters.chmod(0o444)
            ours[mounts.parameters_file] = parameters
        return Program(
            image_id=image.id,
            model_folder=weights,
            command=image.command_with(said.entrypoint, said.command),
            places=replace(self.places, mounts=ours),
            environment=said.environment,
        )

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return the files of a case by the names that the container knows.

        Raises:
            ParticipantError: IMAGE_REJECTED.
        """
        said = self._said
        refuse_unknown_names(Contract.MEDPERF, "input", said.inputs, task.inputs)
        refuse_unknown_names(Contract.MEDPERF, "output", said.outputs, task.outputs)
        names = {
            name: said.inputs.get(name, f"{name}{suffix(task.inputs[name].file)}") for name in files
        }
        written = {
            name: said.outputs.get(name, output.file) for name, output in task.outputs.items()
        }
        return AskedCase(
            documents={},
            inputs={names[name]: path for name, path in files.items()},
            outputs=tuple(dict.fromkeys(written.values())),
            reading=Reading(files=written, rules={name: {"how": NATIVE} for name in task.outputs}),
        )
