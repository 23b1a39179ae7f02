"""Tables of the registry's pages, every cell escaped: cards are the text of strangers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from proctor.plots.numbers import number
from proctor.spec.card.package_licenses import LicenseReport, Standing
from proctor.spec.leaderboard import ClaimFlag
from proctor.spec.registry import (
    Basis,
    Fact,
    KnownElement,
    ModelFile,
    ModelScore,
    ModelSummary,
    ModelVersion,
    Publication,
)
from proctor.spec.registry.similar import Similar
from proctor_dashboard.tables import digest_html, lines_html
from proctor_dashboard.text import address, badge, interval, moment, plain

TONES = {
    Publication.PUBLIC: "good",
    Publication.NOT_SHOWN: "",
    Publication.NO_LICENSE: "wait",
    Publication.AWAITS_REVIEW: "wait",
    Publication.DECLINED: "bad",
    Publication.WITHDRAWN: "bad",
}

_STANDINGS = {Standing.OPEN: "good", Standing.RESTRICTED: "bad", Standing.UNKNOWN: "wait"}


def elements_html(elements: Sequence[KnownElement]) -> str:
    """Return every element by dimension; what nothing is known of is shown as missing."""
    parts = []
    for dimension, members in groupby(elements, key=lambda element: element.dimension):
        rows = "".join(_element(element) for element in members)
        parts.append(
            f"<section><h4>{plain(dimension.value.capitalize())}</h4><dl>{rows}</dl></section>"
        )
    return f'<div class="pr-card">{"".join(parts)}</div>'


def _element(element: KnownElement) -> str:
    if not element.facts:
        return f'<dt>{plain(element.title)}</dt><dd class="pr-none">not stated</dd>'
    facts = "".join(_fact(fact) for fact in element.facts)
    return f"<dt>{plain(element.title)}</dt><dd>{facts}</dd>"


def _fact(fact: Fact) -> str:
    text = plain(fact.text)
    if fact.link:
        text = f'<a href="{plain(fact.link)}" target="_blank" rel="noopener nofollow">{text}</a>'
    mark = badge("measured", "good") if fact.basis is Basis.MEASURED else ""
    if fact.differs:
        mark += badge("stated otherwise", "bad")
    return f"<div><span>{plain(fact.name)}</span> {text} {mark}</div>"


def scores_html(scores: Sequence[ModelScore]) -> str:
    """Return what was measured beside what the author claims, with a flag on a gap."""
    heads = ("Score", "Measured", "Claimed", "Claimed − measured")
    head = "".join(
        f"<th{' class=pr-text' if not at else ''}>{name}</th>" for at, name in enumerate(heads)
    )
    body = "".join(_score(score) for score in scores)
    return (
        f'<div class="pr-board"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _score(score: ModelScore) -> str:
    decides = " pr-decides" if score.decides else ""
    arrow = "↑" if score.higher_is_better else "↓"
    unit = f" ({score.unit})" if score.unit else ""
    value, claim = score.measured, score.claim
    claimed = "<td>–</td><td>–</td>"
    if claim is not None:
        flag = ""
        if claim.flag is not None:
            flag = badge(claim.flag.value, "bad" if claim.flag is ClaimFlag.BETTER else "wait")
        gap = "–" if claim.gap is None else f"{'+' if claim.gap > 0 else ''}{number(claim.gap)}"
        claimed = f"<td>{number(claim.score)}<small>{flag}</small></td><td>{gap}</td>"
    return (
        f'<tr><td class="pr-text{decides}" title="{plain(score.definition_id)}">'
        f"{plain(score.title)}{plain(unit)} {arrow} <small>{plain(score.task)}</small></td>"
        f'<td class="{decides.strip()}">{number(value.value)}<small>{interval(value)}</small></td>'
        f"{claimed}</tr>"
    )


def packages_html(report: LicenseReport) -> str:
    """Return a line a package, those first whose license is not surely open source."""
    lines = []
    for one in report.packages:
        cells = (plain(one.name), plain(one.version), plain(one.license) or "not stated")
        mark = badge(one.standing.value, _STANDINGS[one.standing])
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in (*cells, mark))}</tr>")
    return lines_html(("Package", "Version", "License", "Standing"), "".join(lines))


def model_files_html(files: Iterable[ModelFile]) -> str:
    """Return a line a file, with the digest by which it is checked wherever it is used."""
    rows = "".join(
        f"<tr><td>{plain(one.path)}</td><td>{one.size:,}</td><td>{digest_html(one.digest)}</td></tr>"
        for one in files
    )
    return lines_html(("File", "Bytes", "Digest"), rows)


def versions_html(versions: Sequence[ModelVersion], shown: str) -> str:
    """Return a line a version, the newest first, with what its author says is new."""
    heads = ("Entry", "Version", "Phase", "Rank", "Entered", "Digest", "What is new")
    return lines_html(heads, "".join(_version(one, shown) for one in versions))


def _version(one: ModelVersion, shown: str) -> str:
    name = f"{one.number}"
    if one.id != shown:
        link = address("model", id=one.id)
        name = f'<a href="{link}" target="_self">{name}</a>'
    state = "" if one.publication is Publication.PUBLIC else badge(one.publication.value)
    cells = (
        f"{name} {state}",
        plain(one.version),
        plain(one.phase),
        "–" if one.rank is None else str(one.rank),
        plain(moment(one.submitted_at)),
        digest_html(one.content_digest),
        plain(one.notes) or "–",
    )
    mark = ' class="pr-here"' if one.id == shown else ""
    return f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def summary_html(model: ModelSummary) -> str:
    """Return one model of the list."""
    link = address("model", id=model.id)
    marks = [badge(word) for word in (*model.tasks, *model.modalities, *model.frameworks)]
    if model.license:
        marks.append(badge(model.license))
    if model.baseline:
        marks.append(badge("baseline"))
    place = []
    if model.rank is not None:
        place.append(f"rank {model.rank}")
    if model.score is not None:
        place.append(f"{plain(model.score_title)} {number(model.score)}")
    several = f"{model.versions} versions" if model.versions > 1 else ""
    facts = [
        f"by {plain(model.participant)}",
        f"in {plain(model.challenge_title)}",
        f"version {plain(model.version)}" if model.version else "",
        several,
    ]
    said = f"<p>{plain(model.description)}</p>" if model.description else ""
    return (
        f'<div class="pr-model"><div><a href="{link}" target="_self">{plain(model.title)}</a>'
        f"<small>{' · '.join(fact for fact in facts if fact)}</small>{said}{''.join(marks)}</div>"
        f'<div class="pr-place">{"<br>".join(place)}</div></div>'
    )


def list_html(models: Iterable[ModelSummary]) -> str:
    """Return a page of models."""
    return f'<div class="pr-models">{"".join(summary_html(one) for one in models)}</div>'


def similar_html(found: Iterable[Similar]) -> str:
    """Return similar models, each with why it is one."""
    lines = []
    for one in found:
        link = address("model", id=one.model.id)
        same = "".join(badge(f"same {same.trait.value}: {same.value}") for same in one.same)
        files = f" Files that are the same: {one.shared_files}." if one.shared_files else ""
        lines.append(
            f'<div class="pr-model"><div><a href="{link}" target="_self">{plain(one.model.title)}'
            f"</a><small>by {plain(one.model.participant)} · in {plain(one.model.challenge_title)}."
            f"{files}</small>{same}</div></div>"
        )
    return f'<div class="pr-models">{"".join(lines)}</div>'
