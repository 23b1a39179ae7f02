"""A model's page: what it is, how good it is beside what is claimed, how to have it and cite it."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError
from proctor.spec.registry import CitationFormat, ModelView, Publication
from proctor_dashboard.model_tables import (
    TONES,
    elements_html,
    model_files_html,
    packages_html,
    scores_html,
    similar_html,
    versions_html,
)
from proctor_dashboard.text import address, badge, literal, moment, plain, prose, trail
from proctor_dashboard.views import hosting, reviewing
from proctor_dashboard.visitor import browser_address, client, is_signed_in

_COMMANDS = {
    "run": "Run it on the public sample, here or anywhere with Docker",
    "serve": "Serve it on your machine, with a page to try it",
    "download": "Download it as a model folder",
    "archive": "Download it with all that its scores stand on",
}
_CITATIONS = {
    "BibTeX": (CitationFormat.BIBTEX, "latex"),
    "CITATION.cff": (CitationFormat.CFF, "yaml"),
    "DataCite": (CitationFormat.DATACITE, "json"),
}


def draw() -> None:
    """Draw the model that ``?id=`` names."""
    model_id = st.query_params.get("id", "")
    if not model_id:
        st.info("This address names no model.")
        everything = address("models")
        st.html(f'<div class="pr-links"><a href="{everything}" target="_self">All models</a></div>')
        return
    view = client().model(model_id)
    st.html(
        trail(
            ("Models", address("models")),
            (view.challenge_title, address("challenge", slug=view.challenge)),
        )
    )
    st.title(literal(view.title), anchor=False)
    _draw_head(view)
    _draw_scores(view)
    if view.commands:
        _draw_use(view)
    hosting.draw(view)
    _draw_elements(view)
    _draw_packages(view)
    if view.downloadable:
        _draw_files(view)
    _draw_versions(view)
    _draw_relatives(view)
    _draw_similar(view)
    reviewing.draw(view)


def _draw_head(view: ModelView) -> None:
    marks = badge(view.kind.value)
    if view.publication is not Publication.PUBLIC:
        marks += badge(view.publication.value, TONES[view.publication])
    if view.baseline:
        marks += badge("baseline")
    board = view.board
    if board is not None and board.rank is not None and board.newest:
        marks += badge(f"rank {board.rank} of {board.ranked}", "good")
    if view.card is not None:
        name = view.card.license
        marks += badge(name or "no license stated", "" if name else "wait")
    st.html(marks)
    st.caption(
        f"Entry {view.number} of this model by {literal(view.participant)},"
        f" {moment(view.submitted_at)} · {view.id}"
    )
    if view.tombstone is not None:
        gone = view.tombstone
        st.error(
            f"**Withdrawn** on {moment(gone.withdrawn_at)} by {gone.by}."
            f" {literal(gone.reason)} Its scores stay on their boards."
        )
    elif view.publication is not Publication.PUBLIC:
        st.warning(f"This page is not public: {view.publication.value}.")
    if view.card is not None:
        st.markdown(prose(view.card.description) or "Its author has written no description.")


def _draw_scores(view: ModelView) -> None:
    st.subheader("Measured and claimed", anchor=False)
    if view.board is None:
        st.info("No scores are shown of it at this moment.")
        return
    st.html(scores_html(view.scores))
    board = address("leaderboard", slug=view.challenge, phase=view.phase, snapshot=view.board.id)
    details = address("submission", id=view.id)
    standing = "" if view.board.newest else ", on which it stood last"
    st.html(
        f'<div class="pr-links"><a href="{board}" target="_self">Board {view.board.number} of phase'
        f" {plain(view.phase)}</a>{standing} &nbsp;·&nbsp;"
        f' <a href="{details}" target="_self">Case by case</a></div>'
    )
    if any(score.claim and score.claim.flag for score in view.scores):
        st.caption(
            "Small numbers are intervals of the measured score. A claim is its author's, from the"
            " model's card; it is marked where it lies outside the interval, and decides nothing."
        )


def _draw_use(view: ModelView) -> None:
    use, cite = st.columns(2, gap="large")
    with use:
        st.subheader("Use it", anchor=False)
        for what, title in _COMMANDS.items():
            if what in view.commands:
                st.caption(title)
                st.code(view.commands[what], language="bash")
        if "archive" in view.commands and not is_signed_in():
            # A link has no token, so it is offered where none is needed.
            link = f"{browser_address()}/api/v1/submissions/{view.id}/archive"
            st.html(f'<div class="pr-links"><a href="{plain(link)}">Download the archive</a></div>')
        if not view.downloadable:
            st.caption(
                "Its license does not let everybody hand it on: its owner and the organizers alone"
                " can download it."
            )
    with cite:
        st.subheader("Cite it", anchor=False)
        for tab, (form, language) in zip(
            st.tabs(list(_CITATIONS)), _CITATIONS.values(), strict=True
        ):
            with tab:
                st.code(client().citation(view.id, form), language=language, wrap_lines=True)


def _draw_elements(view: ModelView) -> None:
    st.subheader("About this model", anchor=False)
    given = sum(bool(element.facts) for element in view.elements)
    st.caption(
        f"{given} of {len(view.elements)} elements are filled ({view.completeness_percent} %)."
        " What is marked as"
        " measured was found in the model itself or in its runs; the rest is the author's word or"
        " the platform's record."
    )
    gone = view.tombstone is not None
    st.html(elements_html([one for one in view.elements if one.facts or not gone]))
    if view.layers:
        link = address("model-graph", id=view.id)
        st.html(
            f'<div class="pr-links"><a href="{link}" target="_self">Its architecture, drawn:'
            f" {view.layers:,} layers</a></div>"
        )


def _draw_packages(view: ModelView) -> None:
    if view.tombstone is not None:
        return
    try:
        report = client().model_licenses(view.id)
    except ApiError:
        # Nobody has looked into it yet.
        return
    if report.packages:
        with st.expander(f"Third-party software: {report.words}"):
            st.caption(
                "What is installed beside the model, as it was measured; a license is what the"
                " package says of itself."
            )
            st.html(packages_html(report))


def _draw_files(view: ModelView) -> None:
    found = client().model_files(view.id)
    with st.expander(f"Files: {len(found):,}"):
        st.html(model_files_html(found))


def _draw_versions(view: ModelView) -> None:
    st.subheader("Versions", anchor=False)
    st.html(versions_html(view.versions, view.id))
    others = [one for one in view.versions if one.id != view.id]
    if others:
        link = address("model-diff", id=view.id)
        st.html(f'<div class="pr-links"><a href="{link}" target="_self">What differs</a></div>')


def _draw_relatives(view: ModelView) -> None:
    if not view.relatives:
        return
    st.subheader("Lineage", anchor=False)
    lines = "".join(
        f'<li>{plain(one.kinship.value)} <a href="{address("model", id=one.id)}" target="_self">'
        f"{plain(one.title)}</a> by {plain(one.participant)}:"
        f" {one.shared_files} of {one.files} files are the same</li>"
        for one in view.relatives
    )
    st.html(f'<ul class="pr-links">{lines}</ul>')


def _draw_similar(view: ModelView) -> None:
    if view.publication is Publication.WITHDRAWN:
        return
    found = client().similar_models(view.id)
    if not found:
        return
    st.subheader("Similar models", anchor=False)
    st.caption("Two of three are the same: the algorithm, the training set, the objective.")
    st.html(similar_html(found))
