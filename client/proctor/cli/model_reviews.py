"""`proctor models reviews|review|withdraw|doi`: what organizers and owners do with models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.spec.registry.reviews import ReviewView


def reviews(
    what: Annotated[
        str, typer.Argument(metavar="ID|CHALLENGE", help="A model, or a challenge you organize.")
    ],
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List the reviews of a model, or the models of a challenge that wait for one."""
    with connect(host) as client:
        if what.startswith("sub_"):
            found = client.reviews(what)
            document = [one.model_dump(mode="json") for one in found]
            emit([_row(one) for one in found], style, document=document)
            return
        queue = client.review_queue(what)
    if queue.policy is None:
        say(f"{what} declares no review: its models are public at once.")
    elif style is Format.TABLE:
        say(f"Policy {queue.policy.version} asks of each:")
        for item in queue.policy.checklist:
            say(f"  {item.id}: {item.text}")
    emit(
        [
            {
                "id": one.id,
                "model": one.title,
                "participant": one.participant,
                "phase": one.phase,
                "license": one.license,
                "submitted": f"{one.submitted_at:%Y-%m-%d %H:%M}",
            }
            for one in queue.waiting
        ],
        style,
        document=queue.model_dump(mode="json"),
    )


def review(
    model_id: ModelIdArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="approved or declined.")],
    yes: Annotated[
        list[str] | None, typer.Option("--yes", help="An item of the checklist that holds.")
    ] = None,
    no: Annotated[
        list[str] | None, typer.Option("--no", help="An item of the checklist that does not.")
    ] = None,
    note: Annotated[str, typer.Option("--note", "-m", help="For the model's owner.")] = "",
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Review a model by its challenge's policy; once approved it is public."""
    from proctor.spec.registry.reviews import ReviewCreate
    from proctor.spec.review import ReviewOutcome

    if outcome not in list(ReviewOutcome):
        raise CommandError(
            f"There is no outcome {outcome!r}.", f"Give {' or '.join(ReviewOutcome)}.", Exit.USAGE
        )
    answers = dict.fromkeys(yes or (), True) | dict.fromkeys(no or (), False)
    request = ReviewCreate(outcome=ReviewOutcome(outcome), checklist=answers, note=note)
    with connect(host) as client:
        made = client.review(model_id, request)
    emit([_row(made)], style, document=made.model_dump(mode="json"))


def withdraw(
    model_id: ModelIdArgument,
    reason: Annotated[str, typer.Option("--reason", help="Shown on the tombstone.")] = "",
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    host: HostOption = None,
) -> None:
    """Leave a tombstone in a model's place, for good; its scores stay on their boards."""
    if not sure and not typer.confirm(f"Withdraw {model_id}? This cannot be taken back.", err=True):
        raise typer.Exit(Exit.FAILED)
    with connect(host) as client:
        view = client.withdraw_model(model_id, reason)
    say(f"{view.title} is withdrawn; its scores stay where they are.")


def doi(
    model_id: ModelIdArgument,
    name: Annotated[str, typer.Argument(metavar="DOI", help="Such as 10.5281/zenodo.1.")],
    host: HostOption = None,
) -> None:
    """Name the DOI under which a model was registered; it is in its citations from then on."""
    from pydantic import ValidationError

    with connect(host) as client:
        try:
            view = client.give_doi(model_id, name)
        except ValidationError as error:
            raise CommandError(
                f"{name!r} is no DOI.", "It begins with 10. and a slash.", Exit.USAGE
            ) from error
    say(f"{view.title} is cited by the DOI {name}.")


def _row(one: ReviewView) -> dict[str, object]:
    failed = [item.id for item in one.checklist if not item.passed]
    return {
        "at": f"{one.at:%Y-%m-%d %H:%M}",
        "outcome": one.outcome.value,
        "policy": one.policy_version,
        "reviewer": one.reviewer,
        "checklist": f"{len(one.checklist) - len(failed)} of {len(one.checklist)} hold"
        + (f", not {', '.join(failed)}" if failed else ""),
        "note": one.note,
    }
