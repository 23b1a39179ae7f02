"""Metrics of objects: instances of a map, or the connected components of a mask."""

from proctor_metrics.instances.counts import InstanceCountError
from proctor_metrics.instances.f_score import InstanceFScore, ItemInstanceFScore
from proctor_metrics.instances.lesion_wise import LesionWiseDice, LesionWiseHausdorff
from proctor_metrics.instances.panoptic import ItemPanopticQuality, PanopticQuality
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    InstanceCountError,
    InstanceFScore,
    ItemInstanceFScore,
    ItemPanopticQuality,
    LesionWiseDice,
    LesionWiseHausdorff,
    PanopticQuality,
)
