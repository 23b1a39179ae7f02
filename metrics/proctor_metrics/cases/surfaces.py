"""What lies between the surfaces of one structure in prediction and reference.

These are values only: what finds them is in `segmentation.surface_distances`, what is made of
them, a percentile, a mean or a share, in the metrics.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proctor_metrics.cases.faults import FloatArray


class SurfaceDefinition(StrEnum):
    """What the surface of a mask is.

    `surfel`: elements at the corners where voxels meet, each with an area (surface-distance).
    `voxel6`: voxels of the mask with a background face neighbor (MedPy, MONAI, MetricsReloaded).
    `itk-6-26`: from such voxels to voxels of the other mask with any background neighbor, by
    face, edge or corner (the usual SimpleITK recipe).
    """

    SURFEL = "surfel"
    VOXEL6 = "voxel6"
    ITK_6_26 = "itk-6-26"


class DirectedDistances(NamedTuple):
    """From every element of one surface to the nearest of the other; float64 (n_elements,).

    Attributes:
        distances_mm: in no particular order.
        weights: the element's area (mm2 in 3-D, mm in 2-D) for `surfel`, else 1.
    """

    distances_mm: FloatArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class SurfacePair:
    """The distances between two surfaces that are both there.

    Attributes:
        to_reference: from the prediction's surface to the reference's.
        to_prediction: from the reference's surface to the prediction's.
    """

    to_reference: DirectedDistances
    to_prediction: DirectedDistances
