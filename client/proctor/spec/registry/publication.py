"""Whether a model is shown to everybody who sees its challenge."""

from __future__ import annotations

from enum import StrEnum

from proctor.spec.challenge import SubmissionKind


class Publication(StrEnum):
    """Why a model is shown to readers, or why not.

    ``public``: it stood on a board that is open, and was reviewed where that is asked for.
    ``not shown``: it stood on no board that is open now. ``no license``: its card does
    not state under which license it may be used. ``awaits review`` and ``declined``: the
    challenge's organizers look at models before they are public. ``withdrawn``: its page is a
    tombstone; its scores stay.
    """

    PUBLIC = "public"
    NOT_SHOWN = "not shown"
    NO_LICENSE = "no license"
    AWAITS_REVIEW = "awaits review"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


def is_licensed(kind: str, license_: str) -> bool:
    """Tell whether readers may know how they may use a model; with predictions there is none."""
    return kind == SubmissionKind.PREDICTIONS or bool(license_)
