"""What is said when a contract cannot be kept for a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from proctor.spec.contract import Contract
from proctor.spec.outcomes import Code, ParticipantError

T = TypeVar("T")


def refusal(contract: Contract, sentence: str) -> ParticipantError:
    """Return the error that ends a run because of its declared contract."""
    return ParticipantError(Code.IMAGE_REJECTED, f"Contract {contract.value}: {sentence}")


def refuse_unknown_names(
    contract: Contract, what: str, said: Iterable[str], known: Iterable[str]
) -> None:
    """Refuse a contract that speaks of an input or output that the task has not.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    has = list(known)
    for name in said:
        if name not in has:
            raise refusal(
                contract, f"it speaks of the {what} {name!r}; the task has {', '.join(has)}."
            )


def only(contract: Contract, named: str | None, files: Mapping[str, T]) -> str:
    """Return the input that is sent: the one named, or the only one.

    Raises:
        ParticipantError: IMAGE_REJECTED, it is not clear which.
    """
    if named is None and len(files) == 1:
        return next(iter(files))
    if named in files and named is not None:
        return named
    raise refusal(
        contract,
        f"it sends one input, and the task has {', '.join(files)}; say which under input.",
    )
