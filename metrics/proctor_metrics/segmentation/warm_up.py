"""Load the compiled passes before there is work for them, compiling what is not yet compiled."""

import numpy as np

from proctor_metrics.cases.surfaces import SurfaceDefinition


def warm_up() -> None:
    """Run every compiled pass over a case of a few voxels, on this thread alone."""
    from proctor_metrics.segmentation.kernels.joint import count_pairs
    from proctor_metrics.segmentation.kernels.label_rows import rows_of, turned
    from proctor_metrics.segmentation.kernels.nearest import nearest_distances
    from proctor_metrics.segmentation.kernels.pairs import Both, structure_distances
    from proctor_metrics.segmentation.kernels.rows import neighborhood
    from proctor_metrics.threads import thread_limit

    # One row of two voxels far apart: near, far and hopeless searches all have work.
    array = np.zeros((1, 1, 99), np.uint8)
    array[..., 0] = 1
    first, second = rows_of(array), rows_of(array[..., ::-1].copy())
    count_pairs(*first[:3], *turned(turned(second))[:3], 99)
    with thread_limit(1):
        for definition in SurfaceDefinition:
            members = np.array([[False, True]])
            structure_distances(Both(first, second, members, (1.0, 1.0, 1.0), definition))
    around = neighborhood((1.0, 1.0, 1.0), flat=False)
    here, there = np.zeros(1, np.int64), np.full(1, 98)
    nearest_distances(here, there, (1.0, 1.0, 1.0), around, work_a_voxel=-1)
    nearest_distances(here, there, (1.0, 1.0, 1.0), around, many=1)
