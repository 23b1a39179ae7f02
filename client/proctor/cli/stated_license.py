"""The license that a model is entered under: where it is stated, and that it is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import say
from proctor.spec.card.licenses import license_problem
from proctor.spec.registry.publication import is_licensed

if TYPE_CHECKING:
    from proctor.spec.model import ModelCard
    from proctor.spec.work import AnyContent, PredictionsContent


def licensed(card: ModelCard, content: AnyContent | PredictionsContent, said: str) -> ModelCard:
    """Return a card with the license that was said beside it; say so if there is none.

    Raises:
        CommandError: It is no SPDX expression, or the card states another one.
    """
    if said and card.license not in ("", said):
        raise CommandError(
            f"model.json states the license {card.license}, and --license {said}.",
            "Say it in one place, or the same in both.",
            Exit.USAGE,
        )
    stated = said or card.license
    if stated and (problem := license_problem(stated)):
        raise CommandError(
            f"license: {problem}.",
            "Write an SPDX expression, or LicenseRef- and a name of your own.",
        )
    if not is_licensed(content.kind, stated):
        say(
            "It states no license: its scores will be shown, and no page of the model. State one by"
            ' "license" in model.json, or --license MIT.'
        )
    return card.model_copy(update={"license": stated})
