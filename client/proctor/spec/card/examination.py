"""What `proctor model test` found: every check with a reason, and what to do about it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from proctor.spec.base import Spec, UtcDatetime
from proctor.spec.card.completeness import Completeness
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.limits import Limits
from proctor.spec.model import ModelCard, Protocol
from proctor.spec.outcomes import Code


class Finding(StrEnum):
    """How a check went; a warning leaves a model fit to be entered."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(Spec):
    """One thing that was looked at."""

    name: str = Field(description="stable, such as same_twice")
    title: str = Field(description="what is asked, as a sentence")
    finding: Finding
    reason: str = ""
    fix: str = Field("", description="what to do when it did not pass")
    modelhub: bool = Field(False, description="one of ModelHub's seven integration checks")


class AnsweredCase(Spec):
    """One answer of a model to one case of a sample."""

    task: str
    case: str
    protocol: Protocol
    turn: int = Field(description="1 for the first time")
    outcome: Code
    detail: str = ""
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    same: bool | None = Field(
        None, description="as the first answer to this case; none where either is missing"
    )


class Examination(Spec):
    """Everything that a test of a model found."""

    model: str = Field(description="as it was named")
    version: str = Field(description="of Proctor")
    at: UtcDatetime
    sandbox: str = ""
    challenge: str = ""
    card: ModelCard | None = None
    limits: Limits | None = Field(None, description="that it ran under")
    checks: tuple[Check, ...]
    cases: tuple[AnsweredCase, ...] = ()
    metadata: DetectedMetadata | None = None
    completeness: Completeness | None = None

    def found(self, finding: Finding) -> tuple[Check, ...]:
        """Return the checks that went so."""
        return tuple(check for check in self.checks if check.finding is finding)

    @property
    def passed(self) -> bool:
        """Tell whether nothing failed."""
        return not self.found(Finding.FAILED)
