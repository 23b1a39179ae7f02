"""Short ways to say how one check went."""

from __future__ import annotations

from dataclasses import dataclass

from proctor.spec.card.examination import Check, Finding


@dataclass(frozen=True)
class Question:
    """What a check asks, before anybody looked.

    Attributes:
        name: Stable; programs go by it.
        modelhub: It is one of ModelHub's seven integration checks.
    """

    name: str
    title: str
    modelhub: bool = False

    def passed(self, reason: str = "") -> Check:
        """Say that all is well."""
        return self._check(Finding.PASSED, reason, "")

    def warned(self, reason: str, fix: str) -> Check:
        """Say what might be better; the model may be entered as it is."""
        return self._check(Finding.WARNED, reason, fix)

    def failed(self, reason: str, fix: str) -> Check:
        """Say what must be mended."""
        return self._check(Finding.FAILED, reason, fix)

    def skipped(self, reason: str) -> Check:
        """Say why nobody could look."""
        return self._check(Finding.SKIPPED, reason, "")

    def _check(self, finding: Finding, reason: str, fix: str) -> Check:
        return Check(
            name=self.name,
            title=self.title,
            finding=finding,
            reason=reason,
            fix=fix,
            modelhub=self.modelhub,
        )
