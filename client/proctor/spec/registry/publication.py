"""Whether a model is shown to everybody who sees its challenge."""

from __future__ import annotations

from enum import StrEnum


class Publication(StrEnum):
    """Why a model is shown to readers, or why not.

    ``public``: it stood on a board that is open, and was reviewed where that is asked for.
    ``not shown``: it stood on no board that is open now. ``no license``: its card states under
    which license it may be used by no word. ``awaits review`` and ``declined``: the
    challenge's organizers look at models before they are public. ``withdrawn``: its page is a
    tombstone; its scores stay.
    """

    PUBLIC = "public"
    NOT_SHOWN = "not shown"
    NO_LICENSE = "no license"
    AWAITS_REVIEW = "awaits review"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
