"""What is known of the 26 elements that a model's page should tell of.

Which they are, and what a card has of them, is ``proctor.spec.card.completeness``. Here each is
told in facts, with what was measured and what happened on this platform besides.
"""

from __future__ import annotations

from typing import NamedTuple

from proctor.spec.card.completeness import Element, completeness
from proctor.spec.registry.pages import KnownElement
from proctor_platform.registry.elements import delivery, documentation, product, standing
from proctor_platform.registry.elements.known import Known, Says

_SAYS: dict[Element, Says] = {
    Element.OWNER: product.owner,
    Element.DESCRIPTION: product.description,
    Element.DEMO: product.demo,
    Element.LANGUAGE: product.language,
    Element.SIZE: product.size,
    Element.VERSION: product.version,
    Element.PERMISSION: product.permission,
    Element.AGE_RATING: product.age_rating,
    Element.USER_INSTRUCTION: documentation.instruction,
    Element.FRAMEWORK: documentation.framework,
    Element.ALGORITHM: documentation.algorithms,
    Element.TRAINING_SET: documentation.training_set,
    Element.PERFORMANCE: documentation.performance,
    Element.ORIGIN: documentation.origin,
    Element.RELEASE_NOTES: documentation.release_notes,
    Element.DEPLOYMENT_INSTRUCTIONS: delivery.deployment,
    Element.COMPATIBILITY: delivery.compatibility,
    Element.LOCAL_INSTALLATION: delivery.installation,
    Element.CLOUD_DEPLOYMENT: delivery.cloud,
    Element.PRICING: standing.pricing,
    Element.USER_FEEDBACK: standing.feedback,
    Element.USAGE_STATISTICS: standing.usage,
    Element.ONLINE_SUBMISSION: standing.entry,
    Element.REVIEW_POLICY: standing.review,
    Element.END_USER_LICENSE: standing.end_user_license,
    Element.DEVELOPER_LICENSE: standing.developer_license,
}


class Told(NamedTuple):
    """Every element with what is known of it, and how many in a hundred are there."""

    elements: tuple[KnownElement, ...]
    percent: int


def tell(known: Known) -> Told:
    """Tell what is known of every element; one without a fact is missing."""
    facts = {element: tuple(says(known)) for element, says in _SAYS.items()}
    provided = {element for element, found in facts.items() if found}
    counted = completeness(known.card, known.measured, provided)
    elements = tuple(
        KnownElement(
            element=state.element,
            dimension=state.dimension,
            source=state.source,
            fields=state.fields,
            facts=facts[state.element],
        )
        for state in counted.elements
    )
    return Told(elements, counted.percent)
