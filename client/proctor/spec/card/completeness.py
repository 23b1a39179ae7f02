"""How complete what is told of a model is: 26 elements of information in six dimensions.

The elements are those that a study of model stores counted (13 of them in every store): each is
there because the card states it, because it was measured, or because a platform gives it to every
submission.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from proctor.spec.base import Spec
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.model import ModelCard


class Dimension(StrEnum):
    """What an element of information is about."""

    PRODUCT = "product"
    DOCUMENTATION = "documentation"
    DELIVERY = "delivery"
    BUSINESS = "business"
    SUBMISSION = "submission"
    LEGAL = "legal"


class Element(StrEnum):
    """One element of information about a model."""

    OWNER = "owner"
    DESCRIPTION = "description"
    DEMO = "demo"
    LANGUAGE = "language"
    SIZE = "size"
    VERSION = "version"
    PERMISSION = "permission"
    AGE_RATING = "age_rating"
    USER_INSTRUCTION = "user_instruction"
    FRAMEWORK = "framework"
    ALGORITHM = "algorithm"
    TRAINING_SET = "training_set"
    PERFORMANCE = "performance"
    ORIGIN = "origin"
    RELEASE_NOTES = "release_notes"
    DEPLOYMENT_INSTRUCTIONS = "deployment_instructions"
    COMPATIBILITY = "compatibility"
    LOCAL_INSTALLATION = "local_installation"
    CLOUD_DEPLOYMENT = "cloud_deployment"
    PRICING = "pricing"
    USER_FEEDBACK = "user_feedback"
    USAGE_STATISTICS = "usage_statistics"
    ONLINE_SUBMISSION = "online_submission"
    REVIEW_POLICY = "review_policy"
    END_USER_LICENSE = "end_user_license"
    DEVELOPER_LICENSE = "developer_license"


class Source(StrEnum):
    """Where an element comes from."""

    STATED = "stated"
    MEASURED = "measured"
    PROVIDED = "provided"
    MISSING = "missing"


class ElementState(Spec):
    """Whether an element is there."""

    element: Element
    dimension: Dimension
    source: Source
    fields: tuple[str, ...] = Field(description="of the card, where it is stated or would be")


class Completeness(Spec):
    """Which elements of information are there, and which are not."""

    percent: int
    elements: tuple[ElementState, ...]

    @property
    def missing(self) -> tuple[ElementState, ...]:
        """Return what is not there."""
        return tuple(state for state in self.elements if state.source is Source.MISSING)


class _Rule(NamedTuple):
    dimension: Dimension
    fields: tuple[str, ...]
    stated: Callable[[ModelCard], object]
    measured: Callable[[DetectedMetadata], object] | None = None


_P, _D, _V = Dimension.PRODUCT, Dimension.DOCUMENTATION, Dimension.DELIVERY
_B, _S, _L = Dimension.BUSINESS, Dimension.SUBMISSION, Dimension.LEGAL


def _nothing(_card: ModelCard) -> bool:
    return False


_RULES: dict[Element, _Rule] = {
    Element.OWNER: _Rule(_P, ("owner", "authors"), lambda c: c.owner.name or c.authors),
    Element.DESCRIPTION: _Rule(_P, ("description",), lambda c: c.description),
    Element.DEMO: _Rule(_P, ("support.demo",), lambda c: c.support.demo),
    Element.LANGUAGE: _Rule(_P, ("languages",), lambda c: _said(c, "languages")),
    Element.SIZE: _Rule(
        _P, (), _nothing, lambda m: m.weights_bytes is not None or m.image_bytes is not None
    ),
    Element.VERSION: _Rule(_P, ("version",), lambda c: c.version),
    Element.PERMISSION: _Rule(_P, ("resources",), lambda c: _said(c, "resources")),
    Element.AGE_RATING: _Rule(
        _P,
        ("use.minimum_age", "use.content_warning", "use.restricted"),
        lambda c: c.use.minimum_age is not None or c.use.content_warning or c.use.restricted,
    ),
    Element.USER_INSTRUCTION: _Rule(
        _D,
        ("use.intended", "support.documentation", "support.notebook"),
        lambda c: c.use.intended or c.support.documentation or c.support.notebook,
    ),
    Element.FRAMEWORK: _Rule(
        _D, ("model.framework",), lambda c: c.model.framework, lambda m: m.models
    ),
    Element.ALGORITHM: _Rule(
        _D,
        ("model.algorithm", "model.architecture"),
        lambda c: c.model.algorithm or c.model.architecture,
        lambda m: m.models,
    ),
    Element.TRAINING_SET: _Rule(
        _D, ("training.data", "meta.data_source"), lambda c: c.training.data or c.meta.data_source
    ),
    Element.PERFORMANCE: _Rule(_D, ("claimed_scores",), lambda c: c.claimed_scores),
    Element.ORIGIN: _Rule(
        _D,
        ("publication", "model.provenance", "forked_from"),
        lambda c: _said(c, "publication") or c.model.provenance or c.forked_from,
    ),
    Element.RELEASE_NOTES: _Rule(_D, ("release_notes",), lambda c: c.release_notes),
    Element.DEPLOYMENT_INSTRUCTIONS: _Rule(_V, (), _nothing),
    Element.COMPATIBILITY: _Rule(
        _V, ("compatibility",), lambda c: _said(c, "compatibility"), lambda m: m.platform
    ),
    Element.LOCAL_INSTALLATION: _Rule(_V, (), _nothing),
    Element.CLOUD_DEPLOYMENT: _Rule(_V, (), _nothing),
    Element.PRICING: _Rule(_B, ("price",), lambda c: c.price),
    Element.USER_FEEDBACK: _Rule(_B, ("support.issues",), lambda c: c.support.issues),
    Element.USAGE_STATISTICS: _Rule(_B, (), _nothing),
    Element.ONLINE_SUBMISSION: _Rule(_S, (), _nothing),
    Element.REVIEW_POLICY: _Rule(_S, (), _nothing),
    Element.END_USER_LICENSE: _Rule(_L, ("license",), lambda c: c.license),
    Element.DEVELOPER_LICENSE: _Rule(
        _L, ("licenses.code", "licenses.weights"), lambda c: c.licenses.code or c.licenses.weights
    ),
}

MEASURABLE = frozenset(element for element, rule in _RULES.items() if rule.measured)
"""What need not be stated, since it is found out."""

ALWAYS_PROVIDED = frozenset(
    {
        Element.DEPLOYMENT_INSTRUCTIONS,
        Element.LOCAL_INSTALLATION,
        Element.ONLINE_SUBMISSION,
    }
)
"""What Proctor gives to every model, on whatever machine it is."""


def completeness(
    card: ModelCard,
    measured: DetectedMetadata | None = None,
    provided: Collection[Element] = ALWAYS_PROVIDED,
) -> Completeness:
    """Return how complete what is told of a model is.

    Args:
        provided: What whoever shows the card gives besides, such as scores that it measured.

    >>> completeness(ModelCard(name="m")).percent
    15
    """
    states = tuple(
        ElementState(
            element=element,
            dimension=rule.dimension,
            source=_source(rule, card, measured, element in provided),
            fields=rule.fields,
        )
        for element, rule in _RULES.items()
    )
    there = sum(state.source is not Source.MISSING for state in states)
    return Completeness(percent=100 * there // len(states), elements=states)


def _source(
    rule: _Rule, card: ModelCard, measured: DetectedMetadata | None, provided: bool
) -> Source:
    if measured is not None and rule.measured is not None and rule.measured(measured):
        return Source.MEASURED
    if rule.stated(card):
        return Source.STATED
    return Source.PROVIDED if provided else Source.MISSING


def _said(card: ModelCard, section: str) -> bool:
    value = getattr(card, section)
    return value is not None and bool(value.model_dump(exclude_defaults=True))
