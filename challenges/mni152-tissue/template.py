"""The MNI152 template as tissue labels, cut into mirrored pairs of blocks."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from nilearn import datasets

CUTS = (2, 4, 3)  # per hemisphere along x, y, z: 24 regions, 48 blocks


@dataclass(frozen=True)
class Tissues:
    """T1 in [0, 1], 0 outside the brain; labels 0 outside, 1 CSF, 2 gray and 3 white matter."""

    t1: np.ndarray
    labels: np.ndarray
    affine: np.ndarray


@dataclass(frozen=True)
class Block:
    """One cuboid of the volume. A region has two, one in each hemisphere, mirror images."""

    region: str
    side: str
    is_hidden: bool
    slices: tuple[slice, slice, slice]

    @property
    def name(self):
        """Name the case."""
        return f"{self.region}-{self.side}"

    def affine(self, whole):
        """Place the block where it lies in the whole volume."""
        affine = whole.copy()
        affine[:3, 3] += whole[:3, :3] @ [axis.start for axis in self.slices]
        return affine


def load_tissues():
    """Load the templates at 2 mm and label each voxel of the brain by its likeliest tissue."""
    t1 = datasets.load_mni152_template(resolution=2)
    gray = datasets.load_mni152_gm_template(resolution=2).get_fdata()
    white = datasets.load_mni152_wm_template(resolution=2).get_fdata()
    brain = datasets.load_mni152_brain_mask(resolution=2).get_fdata() > 0
    likeliest = np.argmax(np.stack([1 - gray - white, gray, white]), axis=0) + 1
    return Tissues(
        t1=np.where(brain, t1.get_fdata(), 0),
        labels=np.where(brain, likeliest, 0).astype(np.uint8),
        affine=t1.affine,
    )


def cut_blocks(tissues):
    """Cut the left hemisphere into regions of about equal brain volume and mirror them.

    Hidden and public regions alternate like the fields of a chessboard. A region is hidden on
    both sides or on neither: its mirror image would give it away. The midline plane is its own
    mirror image and is left out.
    """
    brain = tissues.labels > 0
    width = brain.shape[0]
    if not np.array_equal(brain, brain[::-1]):
        raise ValueError("the template is not symmetric along its first axis")
    blocks = []
    whole = (slice(0, width // 2), slice(0, brain.shape[1]), slice(0, brain.shape[2]))
    for x, slab in enumerate(_cut(brain, _trim(brain, whole), 0, CUTS[0])):
        for y, bar in enumerate(_cut(brain, slab, 1, CUTS[1])):
            for z, cuboid in enumerate(_cut(brain, bar, 2, CUTS[2])):
                box = _trim(brain, cuboid)
                mirrored = (slice(width - box[0].stop, width - box[0].start), *box[1:])
                region = f"r{len(blocks) // 2 + 1:02d}"
                is_hidden = (x + y + z) % 2 == 1
                blocks += [
                    Block(region, "left", is_hidden, box),
                    Block(region, "right", is_hidden, mirrored),
                ]
    return blocks


def _cut(brain, box, axis, count):
    """Cut a box across one axis into parts of about equal numbers of brain voxels."""
    others = tuple(other for other in range(3) if other != axis)
    cumulated = np.cumsum(brain[box].sum(axis=others))
    targets = cumulated[-1] * np.arange(1, count) / count
    edges = [0, *(np.searchsorted(cumulated, targets) + 1), len(cumulated)]
    start = box[axis].start
    for low, high in pairwise(edges):
        yield (*box[:axis], slice(start + int(low), start + int(high)), *box[axis + 1 :])


def _trim(brain, box):
    """Shrink a box to the brain inside it."""
    inside = np.argwhere(brain[box])
    return tuple(
        slice(axis.start + int(low), axis.start + int(high) + 1)
        for axis, low, high in zip(box, inside.min(axis=0), inside.max(axis=0), strict=True)
    )
