"""The registry of models: every public submission as a model that people find, cite and take."""

from __future__ import annotations

from proctor.spec.registry.lists import Facet, Filter, ModelList, ModelOrder, ModelSummary
from proctor.spec.registry.pages import (
    Basis,
    CitationFormat,
    Fact,
    Kinship,
    KnownElement,
    ModelBoard,
    ModelFile,
    ModelScore,
    ModelVersion,
    ModelView,
    Relative,
    Tombstone,
)
from proctor.spec.registry.publication import Publication

__all__ = [
    "Basis",
    "CitationFormat",
    "Facet",
    "Fact",
    "Filter",
    "Kinship",
    "KnownElement",
    "ModelBoard",
    "ModelFile",
    "ModelList",
    "ModelOrder",
    "ModelScore",
    "ModelSummary",
    "ModelVersion",
    "ModelView",
    "Publication",
    "Relative",
    "Tombstone",
]
