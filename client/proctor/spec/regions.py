"""Regions of a mask: named sets of labels that are scored as one and may overlap.

In the BraTS challenges, for example, labels 1, 2 and 3 are necrosis, edema and enhancing tumor,
and what is scored are ``whole: [1, 2, 3]``, ``core: [1, 3]`` and ``enhancing: [3]``.
"""

from __future__ import annotations

from collections.abc import Mapping

_MEAN = "mean"


def refuse_unsound_regions(
    labels: Mapping[int, str], regions: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse regions that are not made of labels, or whose name means something else already.

    Raises:
        ValueError: the message names the region and what it may be.

    >>> refuse_unsound_regions({1: "edema"}, {"whole": (1, 2)})
    Traceback (most recent call last):
    ValueError: regions.whole: label 2 is not declared; labels are [1]
    """
    known = {value: name for value, name in labels.items() if value != 0}
    by_name = {name: value for value, name in known.items()}
    for name, values in regions.items():
        if not name or name == _MEAN:
            raise ValueError(f"regions: {name!r} is no name; `mean` is the mean of all regions")
        if not values or len(set(values)) < len(values):
            raise ValueError(f"regions.{name}: name at least one label, and each once")
        for value in values:
            if value not in known:
                raise ValueError(
                    f"regions.{name}: label {value} is not declared; labels are {sorted(known)}"
                )
        if name in by_name and values != (by_name[name],):
            raise ValueError(
                f"regions.{name}: label {by_name[name]} has this name, and the region is not"
                " that label alone; choose another name"
            )
