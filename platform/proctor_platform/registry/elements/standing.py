"""What it costs, who used it, who looked at it, and under which licenses it is."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.registry.pages import Fact
from proctor_platform.registry.elements.known import Known, measured, recorded, stated


def pricing(known: Known) -> Iterator[Fact]:
    """Say what its use costs: money, and time on which machine."""
    yield from stated("price", known.card.price)
    if not known.card.price:
        yield recorded("price", "none was named")
    row = known.place.row if known.place else None
    if row is not None and row.seconds_per_case is not None:
        where = f" on {row.hardware}" if row.hardware else ""
        yield measured("time per case", f"{row.seconds_per_case:.2g} s{where}")


def feedback(known: Known) -> Iterator[Fact]:
    """Say where to tell its authors something."""
    yield from stated("issues", known.card.support.issues)


def usage(known: Known) -> Iterator[Fact]:
    """Say how often it was used here."""
    yield recorded("runs", f"{known.usage.runs:,}")
    yield recorded("re-runs", f"{known.usage.reruns:,}")
    yield recorded("downloads", f"{known.usage.downloads:,}")
    if known.hosted:
        yield recorded("questions here", f"{sum(one.asked for one in known.hosted):,}")


def entry(known: Known) -> Iterator[Fact]:
    """Say when and where it was entered."""
    yield recorded("entered", f"{known.submitted_at:%Y-%m-%d %H:%M} UTC")
    yield recorded("in", f"{known.challenge.title}, phase {known.phase.title}")


def review(known: Known) -> Iterator[Fact]:
    """Say whether organizers look at models, and what they found."""
    policy = known.challenge.review
    if policy is not None:
        yield recorded("policy", f"models are reviewed before they are public, {policy.version}")
    else:
        yield recorded("policy", "models are public without a review")
    if known.review is not None:
        found = known.review
        yield recorded(
            found.outcome,
            f"by {found.reviewer} on {found.at:%Y-%m-%d}, policy {found.policy_version}",
        )


def end_user_license(known: Known) -> Iterator[Fact]:
    """Say under which license it may be used."""
    yield from stated("use", known.card.license)


def developer_license(known: Known) -> Iterator[Fact]:
    """Say under which licenses its parts may be built upon."""
    licenses = known.card.licenses
    yield from stated("code", licenses.code)
    yield from stated("weights", licenses.weights)
    yield from stated("sample data", licenses.sample_data)
