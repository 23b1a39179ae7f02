"""A case whose values were found elsewhere: by an organizer's own metric, in its sandbox."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GivenCase:
    """A case by its name alone.

    Attributes:
        case: id of the case.
        n_items: how many items it holds.
        units: what each item is drawn with in a resample.
        lost: True for a case that was never answered.
    """

    case: str
    n_items: int
    units: tuple[str, ...] = ()
    lost: bool = False
