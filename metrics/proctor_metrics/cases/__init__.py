"""What a metric is computed from: one case's prediction and reference, checked.

A case knows arrays, labels and spacing. It does not know files, tasks or submissions. Every
check is made once, here, so that a metric may assume sound input. A module a kind of case;
what can be wrong with one, and whose it is to mend, is in `faults`.
"""

from proctor_metrics.cases.boxes import AXES_OF_PLACE, BoxCase, ReferenceBoxes, Role
from proctor_metrics.cases.faults import (
    BoolArray,
    FloatArray,
    IntArray,
    MetricInputError,
    Side,
)
from proctor_metrics.cases.given import GivenCase
from proctor_metrics.cases.images import ImageCase
from proctor_metrics.cases.instances import InstanceCase
from proctor_metrics.cases.labels import UNANSWERED, LabelCase
from proctor_metrics.cases.masks import BACKGROUND, LabelCounts, MaskCase, Structure
from proctor_metrics.cases.multilabel import MultilabelCase
from proctor_metrics.cases.surfaces import DirectedDistances, SurfaceDefinition, SurfacePair
from proctor_metrics.cases.survival import SurvivalCase
from proctor_metrics.cases.tables import TableCase
from proctor_metrics.cases.texts import TextCase
from proctor_metrics.cases.values import ValueCase

__all__ = [
    "AXES_OF_PLACE",
    "BACKGROUND",
    "UNANSWERED",
    "BoolArray",
    "BoxCase",
    "Case",
    "DirectedDistances",
    "FloatArray",
    "GivenCase",
    "ImageCase",
    "InstanceCase",
    "IntArray",
    "LabelCase",
    "LabelCounts",
    "MaskCase",
    "MetricInputError",
    "MultilabelCase",
    "ReferenceBoxes",
    "Role",
    "Side",
    "Structure",
    "SurfaceDefinition",
    "SurfacePair",
    "SurvivalCase",
    "TableCase",
    "TextCase",
    "ValueCase",
]

Case = (
    MaskCase
    | TableCase
    | LabelCase
    | ValueCase
    | MultilabelCase
    | TextCase
    | BoxCase
    | SurvivalCase
    | GivenCase
    | InstanceCase
    | ImageCase
)
