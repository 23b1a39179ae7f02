"""Why a request is refused: a status, a code for programs, one sentence for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class RefusedError(Exception):
    """A request cannot be answered; whoever asked gets to read all of this.

    Attributes:
        status: The status of the HTTP answer.
        code: One word that stays the same between versions.
        sentence: What is wrong and what to do; never a traceback.
        headers: Headers that belong to it, such as `Retry-After`.
        field: The input that it is about, if it is about one.
    """

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        headers: Mapping[str, str] | None = None,
        field: str = "",
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.field = field


class GoneError(Exception):
    """The client has left, or is too slow to be waited for; there is nobody to answer."""


def unreadable(sentence: str, field: str = "") -> RefusedError:
    """Return the refusal of a request that is not what the call asks for."""
    return RefusedError(400, "bad_request", sentence, field=field)


def too_large(most_bytes: int) -> RefusedError:
    """Return the refusal of a body that is longer than this service takes."""
    return RefusedError(
        413,
        "too_large",
        f"The request is longer than {most_bytes} bytes, the most that this service takes.",
    )


def busy(seconds: int = 1) -> RefusedError:
    """Return the refusal of a request that would wait behind too many others."""
    return RefusedError(
        503,
        "busy",
        "The model is busy and enough requests wait for it; try again.",
        {"Retry-After": str(seconds)},
    )
