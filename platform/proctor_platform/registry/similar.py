"""Similar models, by a rule that can be told: two of three traits are the same.

The traits are those of a study of model stores: the algorithm, the training set, the objective, as
cards state them, compared word by word in any case. Scores play no part.
"""

from __future__ import annotations

from collections import Counter

from sqlmodel import Session, col, select

from proctor.spec.registry.similar import SharedTrait, Similar, Trait
from proctor_platform.registry.descriptions import Described, Descriptions
from proctor_platform.registry.kin import files_of
from proctor_platform.registry.lists import every_public_model, first_of_each, summaries
from proctor_platform.registry.sight import ModelSight, open_challenges
from proctor_platform.rights import Asker
from proctor_platform.tables import Submission

_ENOUGH = 2


def similar_models(
    session: Session,
    descriptions: Descriptions,
    model: ModelSight,
    asker: Asker,
    limit: int,
    dashboard: str,
) -> list[Similar]:
    """Return public models that share two traits, those that share all three first."""
    if not model.shown:
        return []
    this = descriptions.of(session, [model.submission.id])[0]
    challenges = open_challenges(session, asker)
    every = every_public_model(session, descriptions, challenges)
    counts = Counter(one.model for one in every)
    found = [
        (one, shared)
        for one in first_of_each(every)
        if one.model != this.model and len(shared := _shared(this, one)) >= _ENOUGH
    ]
    found.sort(key=lambda pair: (-len(pair[1]), pair[0].id))
    found = found[:limit]
    page = [one for one, _ in found]
    own = files_of(model.submission.content)
    contents = session.execute(
        select(Submission.id, Submission.content).where(
            col(Submission.id).in_([one.id for one in page])
        )
    )
    files = {id_: len(own & files_of(content)) for id_, content in contents}
    shown = summaries(session, challenges, page, counts, dashboard)
    return [
        Similar(model=summary, same=shared, shared_files=files[one.id])
        for (one, shared), summary in zip(found, shown, strict=True)
    ]


def _shared(one: Described, other: Described) -> tuple[SharedTrait, ...]:
    return tuple(
        SharedTrait(trait=trait, value=", ".join(same))
        for trait in Trait
        if (
            same := [
                text for words, text in one.traits[trait].items() if words in other.traits[trait]
            ]
        )
    )
