"""Which outputs and which reference a metric compares, and the labels that it then gives.

A kind of case is a row of `PAIRINGS`: what a challenge may pair, what is said where it pairs
something else, and what the page of metrics prints, are all read from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proctor.spec.task import MetricSpec, OutputType, ReferenceSpec, ReferenceType, TaskSpec
from proctor_metrics.metric import UNLABELLED, CaseType, Metric
from proctor_runner.box_reference import no_boxes
from proctor_runner.image_reference import ImageReference
from proctor_runner.mask_reference import MaskReference
from proctor_runner.references import (
    InstancesReference,
    LabelsReference,
    MultilabelReference,
    Reference,
    SurvivalReference,
    ValuesReference,
    make_case,
)
from proctor_runner.score_tables import shown_labels
from proctor_runner.text_reference import TextReference


@dataclass(frozen=True)
class Pairing:
    """The types that a case is made of."""

    outputs: tuple[OutputType, ...]
    reference: ReferenceType


_MASKS = Pairing((OutputType.MASK_IMAGE, OutputType.CONTOUR), ReferenceType.MASK_IMAGE)
_INSTANCES = Pairing((OutputType.INSTANCES,), ReferenceType.INSTANCES)

PAIRINGS: Mapping[CaseType, tuple[Pairing, ...]] = {
    CaseType.BOXES: (Pairing((OutputType.BOXES,), ReferenceType.BOXES),),
    CaseType.CLASSES: (Pairing((OutputType.TABLE, OutputType.LABEL_LIST), ReferenceType.LABELS),),
    CaseType.IMAGE: (
        Pairing((OutputType.IMAGE, OutputType.HEATMAP), ReferenceType.IMAGE),
        Pairing((OutputType.HEATMAP,), ReferenceType.MASK_IMAGE),
    ),
    CaseType.INSTANCES: (_INSTANCES,),
    CaseType.MASK: (_MASKS,),
    CaseType.MULTILABEL: (Pairing((OutputType.TABLE,), ReferenceType.MULTILABEL),),
    CaseType.OBJECTS: (_INSTANCES, _MASKS),
    CaseType.SURVIVAL: (Pairing((OutputType.TABLE,), ReferenceType.SURVIVAL),),
    CaseType.TABLE: (Pairing((OutputType.TABLE,), ReferenceType.LABELS),),
    CaseType.TEXT: (Pairing((OutputType.TEXT,), ReferenceType.TEXT),),
    CaseType.VALUES: (Pairing((OutputType.TABLE, OutputType.VECTOR), ReferenceType.VALUES),),
}
"""Of what each kind of case may be made; several pairings are as good as each other."""


def metric_labels(task: TaskSpec, declared: MetricSpec, metric: Metric) -> tuple[str, ...]:
    """Return the labels a metric gives, the mean over them included.

    Raises:
        ValueError: output, reference and metric do not fit each other.
    """
    if declared.custom is not None:
        return shown_labels(metric, declared.labels or UNLABELLED)
    output, reference = task.outputs[declared.output], task.reference[declared.reference]
    pairings = PAIRINGS[metric.case_type]
    if not any(
        output.type in pairing.outputs and reference.type is pairing.reference
        for pairing in pairings
    ):
        allowed = ", or ".join(
            f"{' or '.join(pairing.outputs)} with {pairing.reference}" for pairing in pairings
        )
        raise ValueError(
            f"{declared.name} compares {allowed}, not {output.type} with {reference.type}"
        )
    nothing = _empty(reference, len(output.columns))
    answer = None
    if reference.type is ReferenceType.BOXES:
        # That a rule fits is seen by the geometries of both sides.
        answer = np.zeros((0, len(output.columns)))
    case = make_case(task, declared.output, "check", answer, nothing)
    return shown_labels(metric, metric.labels(case))


def _empty(reference: ReferenceSpec, n_columns: int) -> Reference:
    match reference.type:
        case ReferenceType.LABELS:
            return LabelsReference(np.zeros(0, dtype=np.int64))
        case ReferenceType.VALUES:
            return ValuesReference(np.zeros((0, n_columns)))
        case ReferenceType.SURVIVAL:
            return SurvivalReference(np.zeros((0, 2)))
        case ReferenceType.IMAGE:
            return ImageReference(np.zeros((1, 1)))
        case ReferenceType.TEXT:
            return TextReference(())
        case ReferenceType.MULTILABEL:
            return MultilabelReference(np.zeros((0, n_columns), dtype=np.bool_))
        case ReferenceType.MASK_IMAGE:
            return MaskReference(np.zeros((1, 1), dtype=np.uint8), (1.0, 1.0))
        case ReferenceType.INSTANCES:
            voxel = np.zeros((1, 1), dtype=np.uint8)
            return InstancesReference(voxel, (1.0, 1.0), reference.class_divisor)
        case ReferenceType.BOXES:
            assert reference.geometry is not None  # noqa: S101  # its spec sees to it
            return no_boxes(reference.geometry)
