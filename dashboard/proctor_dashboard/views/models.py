"""The registry: every public model, to be searched and filtered."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

from proctor.spec.registry import Filter, ModelList, ModelOrder
from proctor_dashboard.model_tables import list_html
from proctor_dashboard.text import address, literal, plain, trail
from proctor_dashboard.visitor import browser_address, client

_MODELS_A_PAGE = 20
# These names are those of the address, which is the same for everybody who opens it.
_SEARCH, _PAGE = "q", "page"
_TITLES = {
    Filter.TASK: "Task",
    Filter.MODALITY: "Data",
    Filter.FRAMEWORK: "Framework",
    Filter.LICENSE: "License",
    Filter.CHALLENGE: "Challenge",
}
_STUDIED = (Filter.TASK, Filter.MODALITY, Filter.FRAMEWORK, Filter.CHALLENGE)
_ORDERS = {
    ModelOrder.NEWEST: "newest first",
    ModelOrder.TITLE: "by title",
    ModelOrder.SCORE: "best score first",
}


class _Limits(NamedTuple):
    at_least: float | None
    at_most: float | None


def draw() -> None:
    """Draw the models that the search and the filters of the address leave."""
    st.html(trail(("Challenges", address("challenges"))))
    st.title("Models", anchor=False)
    search = st.text_input(
        "Find a model",
        type="search",
        key=_SEARCH,
        bind="query-params",
        max_chars=200,
        placeholder="words of its title, card, authors or challenge",
        on_change=_first_page,
    )
    filters = {which: given for which in Filter if (given := st.query_params.get(which.value))}
    # On a phone the second column comes below the first.
    wide, narrow = st.columns([3, 1], gap="large")
    with wide:
        order = _choose_order(filters)
        limits = _choose_limits() if Filter.CHALLENGE in filters else _Limits(None, None)
        page = _page()
        found = client().models(
            (search or "").strip(),
            filters,
            order=order,
            at_least=limits.at_least,
            at_most=limits.at_most,
            offset=(page - 1) * _MODELS_A_PAGE,
            limit=_MODELS_A_PAGE,
        )
        _draw_found(found)
        if found.items:
            _draw_analytics(filters)
    with narrow:
        for which in Filter:
            _draw_filter(which, filters.get(which, ""), found)


def _draw_found(found: ModelList) -> None:
    count = "1 model" if found.total == 1 else f"{found.total:,} models"
    st.caption(f"{count} found.")
    if not found.items:
        st.info("No public model is like this. Models are public once they stand on a board.")
        return
    st.html(list_html(found.items))
    if found.total > _MODELS_A_PAGE:
        st.pagination(-(-found.total // _MODELS_A_PAGE), key=_PAGE, bind="query-params")


def _draw_analytics(filters: dict[Filter, str]) -> None:
    """Offer the table of scores and architectures; a link has no token, and it needs none."""
    wanted = {which.value: value for which, value in filters.items() if which in _STUDIED}
    link = f"{browser_address()}/api/v1/analytics{'?' if wanted else ''}{urlencode(wanted)}"
    st.html(
        f'<div class="pr-links"><a href="{plain(link)}">Scores and architectures of public models'
        " over time, as CSV</a></div>"
    )


def _choose_order(filters: dict[Filter, str]) -> ModelOrder:
    known = list(_ORDERS) if Filter.CHALLENGE in filters else [ModelOrder.NEWEST, ModelOrder.TITLE]
    order = st.segmented_control(
        "Order",
        known,
        format_func=lambda one: _ORDERS[one],
        default=ModelOrder.NEWEST,
        label_visibility="collapsed",
    )
    return order or ModelOrder.NEWEST


def _choose_limits() -> _Limits:
    """Offer limits of the challenge's first deciding score."""
    least, most = st.columns(2)
    return _Limits(
        least.number_input("Score at least", value=None, format="%g", on_change=_first_page),
        most.number_input("Score at most", value=None, format="%g", on_change=_first_page),
    )


def _draw_filter(which: Filter, chosen: str, found: ModelList) -> None:
    """Offer the values of what was found, each with its count; a chosen one can be left again."""
    facets = found.facets[which]
    if not facets and not chosen:
        return
    counts = {facet.value: facet.count for facet in facets}
    values = list(counts) if not chosen or chosen in counts else [chosen, *counts]
    picked = st.pills(
        _TITLES[which],
        values,
        default=chosen or None,
        format_func=lambda value: literal(f"{value} ({counts.get(value, 0)})"),
        key=f"filter-{which.value}-{chosen}",
    )
    if (picked or "") != chosen:
        if picked:
            st.query_params[which.value] = picked
        else:
            del st.query_params[which.value]
        _first_page()
        st.rerun()


def _page() -> int:
    given = str(st.session_state.get(_PAGE, st.query_params.get(_PAGE, "1")))
    return int(given) if given.isdecimal() and int(given) else 1


def _first_page() -> None:
    st.session_state[_PAGE] = 1
