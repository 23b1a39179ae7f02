"""What a model may tell by how long it ran and how much it took, where its log may not be read.

A model that has seen a hidden input can choose both, so they are as good as a log to it.
"""

from __future__ import annotations

from proctor.spec.work import Purpose
from proctor_platform.submissions.sights import Access, SubmissionSight
from proctor_platform.tables import Run


def may_read_log(sight: SubmissionSight, run: Run) -> bool:
    """Tell whether the asker may read what the model printed in a run.

    A try-out saw what everybody may see, so its log is its owner's whatever the phase says.
    """
    if sight.access is not Access.OWNER:
        return sight.access is Access.ORGANIZER
    return run.purpose == Purpose.TRYOUT or (sight.phase.show_logs and not sight.hidden)


def has_exact_figures(sight: SubmissionSight, run: Run) -> bool:
    """Tell whether the asker gets seconds and bytes of a run as they were measured."""
    return may_read_log(sight, run) or (sight.phase.show_logs and not sight.hidden)


def coarse_seconds(seconds: float | None) -> float | None:
    """Return one digit of it.

    >>> coarse_seconds(0.1789)
    0.2
    """
    return None if seconds is None else float(f"{seconds:.0e}")


def coarse_bytes(size: int | None) -> int | None:
    """Return the next power of two.

    >>> coarse_bytes(5)
    8
    """
    return None if size is None else 1 << max(0, size - 1).bit_length()
