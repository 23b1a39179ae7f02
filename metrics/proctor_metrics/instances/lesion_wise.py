"""Lesion-wise Dice and HD95 as BraTS 2023 defines them: every lesion of a mask counts alike.

A lesion of the reference is what hangs together once the reference is dilated, so that parts of one
lesion are not told apart; the dilation decides this, and which predicted components belong to a
lesion, and nothing else. Dilating one lesion gives exactly its part of the dilated reference, so
that one pass over the image finds every lesion with its components.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from proctor_metrics.cases import BoolArray, Case, FloatArray, MaskCase
from proctor_metrics.instances.lesion_surfaces import (
    LesionSurface,
    lesion_surface,
    percentile_distance,
)
from proctor_metrics.instances.objects import Components, components_of, structure_masks
from proctor_metrics.metric import (
    CaseType,
    Direction,
    ItemScores,
    PerItemMetric,
    mask_case,
    number_text,
)
from proctor_metrics.parameters import Parameters

_PENALTY_MM = 374.0
_PERCENT = 95.0


@dataclass(frozen=True)
class LesionRule:
    """What a lesion is.

    Attributes:
        dilations: how often the reference is dilated, by face and edge.
        smallest_mm3: lesions of at most this volume do not count.
        components: which voxels hang together.
    """

    dilations: int = 3
    smallest_mm3: float = 50.0
    components: Components = Components.FACES_EDGES_CORNERS


class _Lesions(NamedTuple):
    """The lesions of a structure, and the predicted components that touch none.

    Attributes:
        dice: float64 of shape (n_lesions,), 0 for one that is overlooked.
        hd95_mm: float64 of shape (n_lesions,), NaN for one that is overlooked.
        n_false: components that lie beside every lesion, large or small.
    """

    dice: FloatArray
    hd95_mm: FloatArray
    n_false: int


_BRATS = LesionRule()


@dataclass(frozen=True)
class _LesionWise(PerItemMetric):
    """What both metrics share: lesions of each structure, and a mean over them."""

    case_type = CaseType.MASK

    rule: LesionRule = _BRATS

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `dilations` (3), `smallest_mm3` (50) and `components`."""
        return cls(
            rule=LesionRule(
                parameters.integer("dilations", 3, minimum=0),
                parameters.number("smallest_mm3", 50.0, above=-1.0, at_most=1e9),
                parameters.choice("components", Components.FACES_EDGES_CORNERS),
            ),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        rule = self.rule
        return (
            f"{self.name}.brats2023.v1;dilations={rule.dilations}"
            f";smallest_mm3={number_text(rule.smallest_mm3)};components={rule.components};edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for lesions, penalties and empties."""
        return (
            f"Parts that meet once dilated {self.rule.dilations} times are one lesion.",
            f"Lesions of at most {number_text(self.rule.smallest_mm3)} mm3 do not count.",
            f"An overlooked lesion, and a predicted one beside all, count {self._penalty_text}.",
            f"Without either a structure scores {self._best:g} and is flagged.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's structures."""
        return mask_case(self, case).label_names

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        found = mask.once(("lesions", self.rule), partial(_lesions, mask, self.rule))
        counts = np.array([one.dice.size + one.n_false for one in found])
        sums = np.array([self._sum(one) for one in found])
        values = np.full(counts.shape, self._best)
        np.divide(sums, counts, out=values, where=counts > 0)
        empty = (counts == 0)[:, np.newaxis]
        return ItemScores(mask.label_names, values[:, np.newaxis], {"both_empty": empty})

    @property
    @abstractmethod
    def _best(self) -> float:
        """Return the value of a structure without lesions on either side."""

    @property
    @abstractmethod
    def _penalty_text(self) -> str:
        """Return what a lesion without a partner counts."""

    @abstractmethod
    def _sum(self, lesions: _Lesions) -> float:
        """Return the sum over all lesions, those beside every lesion included."""


@dataclass(frozen=True)
class LesionWiseDice(_LesionWise):
    """Mean Dice over the lesions of each structure, 0 for every overlooked or invented one.

    The reference is dilated `dilations` times by face and edge; what then hangs together is one
    lesion (undilated). Predicted components that touch a dilated lesion are its prediction,
    together; a component that touches none is a lesion too, with a Dice of 0. Lesions of at most
    `smallest_mm3` are left out. Values: float64 of shape (n_structures, 1), in [0, 1], no unit,
    higher is better. No lesion on either side: 1, flagged `both_empty`. NaN cannot occur.
    BraTS takes 3 and 50 (GLI, SSA, PED), 1 and 50 (MEN), 1 and 2 (MET).
    Source: BraTS 2023, Saluja et al., lesion-wise performance metrics. Checked against a program
    that goes lesion by lesion.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0, 0, 1]]), np.array([[1, 1, 0, 0, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> LesionWiseDice(rule=LesionRule(dilations=1, smallest_mm3=0)).per_item(case).values
    array([[0.5]])
    """

    name = "lesion_wise_dice"
    direction = Direction.HIGHER

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0."""
        return 0.0

    @property
    def _best(self) -> float:
        return 1.0

    @property
    def _penalty_text(self) -> str:
        return "0"

    def _sum(self, lesions: _Lesions) -> float:
        return float(lesions.dice.sum())


@dataclass(frozen=True)
class LesionWiseHausdorff(_LesionWise):
    """Mean HD95 over the lesions of each structure, `worst` for each overlooked or invented one.

    Lesions as in `lesion_wise_dice`; HD95 is that of surface elements (`hd95` by default). The
    worst value is 374 mm where the task declares none, about the diagonal of a BraTS volume.
    Values: float64 of shape (n_structures, 1), in mm, from 0, lower is better. No lesion on
    either side: 0, flagged `both_empty`. NaN cannot occur.
    Source: BraTS 2023, Saluja et al., lesion-wise performance metrics. Checked against
    surface-distance, lesion by lesion.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0, 0, 1]]), np.array([[1, 1, 0, 0, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> LesionWiseHausdorff(rule=LesionRule(dilations=1, smallest_mm3=0)).per_item(case).values
    array([[187.]])
    """

    name = "lesion_wise_hd95"
    direction = Direction.LOWER

    @property
    def unit(self) -> str:
        """Return millimetres."""
        return "mm"

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 374 mm."""
        return _PENALTY_MM

    @property
    def _penalty_mm(self) -> float:
        return _PENALTY_MM if self.declared_worst is None else self.declared_worst

    @property
    def _best(self) -> float:
        return 0.0

    @property
    def _penalty_text(self) -> str:
        return f"{number_text(self._penalty_mm)} mm"

    def _sum(self, lesions: _Lesions) -> float:
        overlooked = np.isnan(lesions.hd95_mm)
        n_penalties = int(overlooked.sum()) + lesions.n_false
        return float(lesions.hd95_mm[~overlooked].sum()) + n_penalties * self._penalty_mm


def _lesions(case: MaskCase, rule: LesionRule) -> tuple[_Lesions, ...]:
    # A dilated lesion reaches no further than the margin.
    return tuple(
        _of_structure(predicted, true, case.spacing_mm, rule)
        for _, predicted, true in structure_masks(case, rule.dilations)
    )


def _of_structure(
    predicted: BoolArray, true: BoolArray, spacing_mm: tuple[float, ...], rule: LesionRule
) -> _Lesions:
    grown = _dilated(true, rule.dilations)
    zones, n_zones = components_of(grown, rule.components)
    parts, n_parts = components_of(predicted, rule.components)
    touching = _touching(zones, parts, n_parts)
    sizes = np.bincount(zones[true], minlength=n_zones + 1)
    shared = np.bincount(zones[true & predicted], minlength=n_zones + 1)
    part_sizes = np.bincount(parts[predicted], minlength=n_parts + 1)
    counted = [
        zone for zone in range(1, n_zones + 1) if sizes[zone] * prod(spacing_mm) > rule.smallest_mm3
    ]
    dice, hd95_mm = np.zeros(len(counted)), np.full(len(counted), np.nan)
    places = ndimage.find_objects(zones)
    owners = _first_zones(touching, n_parts)
    # There may be millions of components: they have boxes by the zone that they touch first.
    part_places = ndimage.find_objects(owners[parts], n_zones)
    answers = [touching[zone].tobytes() for zone in counted]
    known = b""
    # Lesions with one answer come after each other, for its surface may be a whole volume's.
    for index in sorted(range(len(counted)), key=lambda one: answers[one]):
        zone, mine = counted[index], touching[counted[index]]
        if not mine.size:
            continue
        if answers[index] != known:
            around = _around([part_places[owner - 1] for owner in np.unique(owners[mine])])
            chosen = np.zeros(n_parts + 1, dtype=bool)
            chosen[mine] = True
            found, known = _surface(chosen[parts[around]], around, spacing_mm), answers[index]
        dice[index] = 2 * shared[zone] / (sizes[zone] + part_sizes[mine].sum())
        box = places[zone - 1]
        there = _surface((zones[box] == zone) & true[box], box, spacing_mm)
        hd95_mm[index] = max(
            percentile_distance(found, there, spacing_mm, _PERCENT),
            percentile_distance(there, found, spacing_mm, _PERCENT),
        )
    return _Lesions(dice, hd95_mm, n_parts - int(np.count_nonzero(owners)))


def _dilated(mask: BoolArray, times: int) -> BoolArray:
    if times == 0:
        return mask
    neighbors = ndimage.generate_binary_structure(mask.ndim, 2)
    return np.asarray(ndimage.binary_dilation(mask, structure=neighbors, iterations=times))


def _touching(
    zones: npt.NDArray[np.int32], parts: npt.NDArray[np.int32], n_parts: int
) -> dict[int, npt.NDArray[np.int64]]:
    """Return by zone the predicted components that lie in it or reach into it."""
    both = (zones > 0) & (parts > 0)
    keys = np.unique(zones[both].astype(np.int64) * (n_parts + 1) + parts[both])
    of_zone, of_part = np.divmod(keys, n_parts + 1)
    ends = np.searchsorted(of_zone, np.arange(1, zones.max(initial=0) + 2)).tolist()
    return {zone: of_part[first:last] for zone, (first, last) in enumerate(pairwise(ends), start=1)}


def _first_zones(touching: dict[int, npt.NDArray[np.int64]], n_parts: int) -> npt.NDArray[np.int32]:
    """Return for each component the first zone that it touches; 0 for none, and for no component.

    >>> _first_zones({1: np.array([2]), 2: np.array([2, 3])}, 3)
    array([0, 0, 1, 2], dtype=int32)
    """
    owners = np.zeros(n_parts + 1, dtype=np.int32)
    for zone in sorted(touching, reverse=True):
        owners[touching[zone]] = zone
    return owners


def _around(boxes: list[tuple[slice, ...]]) -> tuple[slice, ...]:
    return tuple(
        slice(min(one.start for one in along), max(one.stop for one in along))
        for along in zip(*boxes, strict=True)
    )


def _surface(
    mask: BoolArray, box: tuple[slice, ...], spacing_mm: tuple[float, ...]
) -> LesionSurface:
    return lesion_surface(mask, tuple(along.start for along in box), spacing_mm)
