"""Evaluation containers of Grand Challenge and MedPerf, started once for each case or set of cases.

Canonical predictions become the files that they expect; references lie beside them as they are in
the challenge, named by the case. What they write is read with guards, and the score is where the
metric says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor.spec.contract import Contract
from proctor.spec.custom import MetricKind
from proctor.spec.digests import canonical_json
from proctor.spec.evaluation import EvaluationContract
from proctor.spec.limits import MIB
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import MetricSpec, OutputType, ReferenceType
from proctor.spec.work import ScoreCase, ScoreOrder
from proctor_runner.contracts.grand_challenge import slug_of
from proctor_runner.contracts.meta_image import meta_image
from proctor_runner.contracts.native import suffix
from proctor_runner.custom.answers import AnswerError, FloatArray
from proctor_runner.custom.score import CustomFound, CustomScoring, answers, asked_sets
from proctor_runner.custom.small_yaml import read_small_yaml
from proctor_runner.decode import guarded_json
from proctor_runner.decode.text import unpack_texts
from proctor_runner.mask_reference import load_volume
from proctor_runner.references import load_prediction
from proctor_runner.sandbox.interface import Places, Program, SandboxJob

if TYPE_CHECKING:
    from proctor_runner.desk import Desk
    from proctor_runner.workshop import RunTools

_MOST_RESULT_BYTES = 16 * MIB
_GROUND_TRUTH = "/opt/ml/input/data/ground_truth"
_VOLUMES = (ReferenceType.MASK_IMAGE, ReferenceType.INSTANCES, ReferenceType.IMAGE)


class ForeignScoring(CustomScoring):
    """One evaluation container over all cases of an order."""

    _output_files = 64

    def __init__(
        self, order: ScoreOrder, metric: MetricSpec, desk: Desk, tools: RunTools, number: int
    ) -> None:
        super().__init__(order, metric, desk, tools, number)
        if self._custom.contract is None:
            raise AssertionError("a foreign scoring has a contract")
        self._contract: EvaluationContract = self._custom.contract
        self._truth = self._folder / "truth"
        self._truth.mkdir()
        self._truth.chmod(0o755)
        self._program = self._placed(self._program)
        self._made: dict[str, Path] = {}

    def found(self) -> CustomFound:
        """Return its score of every case with an answer, or of every set that is asked for."""
        cases = sorted(self._order.cases, key=lambda case: case.id)
        by_id = {case.id: case for case in cases}
        if self._metric.kind is MetricKind.POOLED:
            asked = asked_sets(self._order.task, cases)
            return CustomFound({}, {ids: self._of([by_id[one] for one in ids]) for ids in asked})
        several = [case.id for case in cases if case.items != 1]
        if several:
            raise OrganizerError(
                Code.METRIC_FAILED,
                f"metric {self._metric.id!r}: case {several[0]!r} holds several items, and its"
                " container scores whole cases; say kind: pooled",
            )
        answered = [case for case in cases if answers(case, self._metric)]
        return CustomFound({case.id: self._of([case])[:, np.newaxis] for case in answered}, {})

    def _of(self, cases: Sequence[ScoreCase]) -> FloatArray:
        """Return its numbers of a set of cases: float64 of shape (n_labels,)."""
        if not all(answers(case, self._metric) for case in cases):
            return np.full(len(self._labels), float(self._metric.worst or 0.0))
        for case in cases:
            self._lay_out_truth(case)
        return self._read(self._asking(cases), self._scores)

    def _placed(self, program: Program) -> Program:
        said, mounts = self._contract, self._contract.mounts
        if mounts is None:
            return replace(program, model_folder=self._truth, places=Places(model=_GROUND_TRUTH))
        facts = self._shelf.facts(program.image_id)
        ours = {mounts.labels: self._truth}
        if mounts.parameters_file is not None:
            path = self._folder / "parameters.yaml"
            path.write_text(json.dumps(said.parameters), encoding="utf-8")
            path.chmod(0o444)
            ours[mounts.parameters_file] = path
        return replace(
            program,
            command=facts.command_with(said.entrypoint, said.command),
            environment=said.environment,
            places=Places(
                input=mounts.predictions,
                output=mounts.output_path.rpartition("/")[0],
                mounts=ours,
            ),
        )

    def _asking(self, cases: Sequence[ScoreCase]) -> SandboxJob:
        if self._contract.mounts is not None:
            inputs = {f"{case.id}{self._ending}": self._prediction(case) for case in cases}
            output = self._contract.mounts.output_path.rpartition("/")[2]
            return self._sandbox_job({}, inputs, output, _MOST_RESULT_BYTES, len(cases))
        place = self._socket_file()
        jobs = [self._job_entry(case) for case in cases]
        return self._sandbox_job(
            {"predictions.json": canonical_json(jobs)},
            {f"{case.id}/output/{place}": self._prediction(case) for case in cases},
            "metrics.json",
            _MOST_RESULT_BYTES,
            len(cases),
        )

    @property
    def _ending(self) -> str:
        """Return the suffix of a prediction's file."""
        if not self._order.task.outputs[self._metric.output].type.on_a_grid:
            return ".json"
        return ".nii.gz" if self._contract.name is Contract.MEDPERF else ".mha"

    @property
    def _slug(self) -> str:
        return self._contract.socket.slug or slug_of(self._metric.output)

    def _socket_file(self) -> str:
        relative = self._contract.socket.relative_path
        if self._ending == ".mha":
            return f"{relative or f'images/{self._slug}'}/output.mha"
        return relative or f"{self._slug}.json"

    def _job_entry(self, case: ScoreCase) -> dict[str, object]:
        """Return a job as ``predictions.json`` lists it; its inputs say which case it was."""
        slug = self._slug
        image = self._ending == ".mha"
        relative = self._socket_file().removesuffix("/output.mha")
        value: object = None
        if not image:
            value = json.loads(self._prediction(case).read_text(encoding="utf-8"))
        output = {
            "file": None,
            "image": {"name": "output.mha"} if image else None,
            "value": value,
            "interface": {
                "slug": slug,
                "relative_path": relative,
                "kind": self._contract.socket.kind or ("Image" if image else "Anything"),
                "super_kind": "Image" if image else "Value",
            },
        }
        given = {
            "file": None,
            "image": {"name": f"{case.id}.mha"},
            "value": None,
            "interface": {
                "slug": "case",
                "relative_path": "images/case",
                "kind": "Image",
                "super_kind": "Image",
            },
        }
        return {"pk": case.id, "status": "Succeeded", "inputs": [given], "outputs": [output]}

    def _lay_out_truth(self, case: ScoreCase) -> None:
        declared = self._order.task.reference[self._metric.reference]
        path = self._truth / f"{case.id}{suffix(declared.file)}"
        if not path.exists():
            path.write_bytes(self._desk.fetch(case.reference[self._metric.reference]).read_bytes())
            path.chmod(0o444)

    def _prediction(self, case: ScoreCase) -> Path:
        """Return a canonical prediction as a file of the form that the container expects."""
        if case.id not in self._made:
            path = self._folder / f"prediction-{len(self._made)}{self._ending}"
            path.write_bytes(self._content(case))
            self._made[case.id] = path
        return self._made[case.id]

    def _content(self, case: ScoreCase) -> bytes:
        array = load_prediction(self._desk.fetch(case.predictions[self._metric.output]))
        kind = self._order.task.outputs[self._metric.output].type
        if kind is OutputType.TEXT:
            texts = unpack_texts(array, case.items)
            return json.dumps(texts[0] if case.items == 1 else texts).encode()
        if kind is OutputType.CUSTOM:
            return bytes(array.tobytes())
        if not kind.on_a_grid:
            values = array.tolist()
            return json.dumps(values[0] if len(values) == 1 else values).encode()
        affine = self._affine(case)
        if self._ending == ".mha":
            return meta_image(array, affine)
        import gzip

        import nibabel

        volume = nibabel.Nifti1Image(array, affine)  # type: ignore[no-untyped-call]  # typed in part
        return gzip.compress(volume.to_bytes(), mtime=0)

    def _affine(self, case: ScoreCase) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return the affine of the reference, which lies on the same grid."""
        declared = self._order.task.reference[self._metric.reference]
        if declared.type not in _VOLUMES or not suffix(declared.file).startswith(".nii"):
            return np.eye(4)
        path = self._desk.fetch(case.reference[self._metric.reference])
        try:
            return np.asarray(load_volume(path, suffix(declared.file)).affine)
        except ValueError as error:
            raise OrganizerError(
                Code.REFERENCE_INVALID,
                f"reference {self._metric.reference!r} of case {case.id!r}: {error}",
            ) from error

    def _scores(self, path: Path) -> FloatArray:
        document = _document(path)
        paths = [self._contract.score.replace("{label}", label) for label in self._labels]
        return np.array([_number(document, one) for one in paths], dtype=np.float64)


def _document(path: Path) -> object:
    with path.open("rb") as stream:
        content = stream.read(_MOST_RESULT_BYTES + 1)
    try:
        if path.name.endswith((".yaml", ".yml")):
            return read_small_yaml(content)
        return guarded_json.loads(content, _MOST_RESULT_BYTES)
    except ValueError as error:
        raise AnswerError(f"wrote no {path.suffix} file that can be read: {error}") from error


def _number(document: object, path: str) -> float:
    found = document
    for key in path.split("."):
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise AnswerError(f"wrote nothing at {key!r} of {path}")
    number = found if isinstance(found, int | float) and not isinstance(found, bool) else math.nan
    if not math.isfinite(number):
        raise AnswerError(f"wrote {str(found)[:40]!r} at {path}: no finite number")
    return float(number)
