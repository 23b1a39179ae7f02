"""A model ready to be served: its program, with the card that is shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proctor.spec.contract import ForeignContract
from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code, ParticipantError
from proctor.template.card import Card, CardError, read_card
from proctor_runner.model_program import ImageShelf
from proctor_runner.sandbox.interface import Program, Sandbox
from proctor_runner.serving.exchange import Exchange
from proctor_runner.serving.foreign import exchange_of
from proctor_runner.serving.sandbox_backend import SandboxBackend
from proctor_runner.serving.shown import foreign_card, shown_folder


@dataclass(frozen=True)
class ServedModel:
    """A model ready to be started.

    Attributes:
        folder: Its folder on this host, or where card and samples of an image were copied to.
        exchange: How it is asked; None for as the engine is.
    """

    program: Program
    folder: Path
    card: Card
    limits: Limits
    exchange: Exchange | None

    def backend(
        self, sandbox: Sandbox, scratch: Path, told: Callable[[str], None]
    ) -> SandboxBackend:
        """Return what asks it in ``sandbox``; see `SandboxBackend` for the rest."""
        return SandboxBackend(
            sandbox,
            self.program,
            self.card,
            self.folder,
            self.limits,
            scratch,
            told=told,
            exchange=self.exchange,
        )


def served_model(
    name: str,
    program: Program,
    limits: Limits,
    contract: ForeignContract | None,
    shelf: ImageShelf,
    folder: Path,
    say: Callable[[str], None],
) -> ServedModel:
    """Return a program with what is shown of it.

    Args:
        name: What a model is called that does not say so itself.
        folder: Where card and samples of an image are copied to.
        say: Told why a card of another system is not shown.

    Raises:
        ParticipantError: Its card cannot be used, or models of its contract cannot be asked.
        PlatformError: SANDBOX_FAILED, the image could not be looked into.
    """
    exchange = None if contract is None else exchange_of(contract)
    shown = shown_folder(program, shelf, folder)
    card = _card_of(shown) if contract is None else foreign_card(shown, name, say)
    return ServedModel(program, shown, card, limits, exchange)


def _card_of(folder: Path) -> Card:
    try:
        return read_card(folder)
    except CardError as error:
        raise ParticipantError(
            Code.FOLDER_REJECTED, f"The model's card cannot be used: {error}."
        ) from error
