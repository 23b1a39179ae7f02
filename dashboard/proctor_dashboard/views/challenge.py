"""A challenge: what it asks, when, under which limits, and how to take part."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from proctor.spec.api import ChallengeView, TaskFacts
from proctor.spec.challenge import BoardVisibility, ChallengeSpec, PhaseSpec, SubmissionKind
from proctor.spec.phase_words import phase_words
from proctor.spec.task import OutputType, TaskSpec
from proctor_dashboard.text import (
    address,
    badge,
    literal,
    memory,
    moment,
    plain,
    prose,
    seconds,
    trail,
)
from proctor_dashboard.views import reviewing
from proctor_dashboard.views.challenges import choose_a_challenge
from proctor_dashboard.visitor import client

_KINDS = {
    SubmissionKind.FOLDER: "a model folder",
    SubmissionKind.IMAGE: "a container image",
    SubmissionKind.PREDICTIONS: "predictions",
}
_METRIC_HEADS = ("Metric", "Computed as", "Parameters", "Decides ranks")


def draw() -> None:
    """Draw the challenge that ``?slug=`` names."""
    slug = st.query_params.get("slug", "")
    if not slug:
        choose_a_challenge()
        return
    view = client().challenge(slug)
    challenge = view.challenge
    st.html(trail(("Challenges", address("challenges"))))
    st.title(literal(challenge.title), anchor=False)
    if challenge.notice:
        st.warning(prose(challenge.notice))
    st.markdown(prose(challenge.summary))
    _draw_phases(view)
    models = address("models", challenge=slug)
    st.html(f'<div class="pr-links"><a href="{models}" target="_self">Its models</a></div>')
    if view.organizer and challenge.review is not None:
        reviewing.draw_queue(slug)
    about, part, details = st.tabs(["About", "How to take part", "Tasks and metrics"])
    with about:
        st.markdown(prose(challenge.text) or "The organizers have written nothing here yet.")
        st.caption(
            f"Organized by {', '.join(view.organizers)} · version {view.version},"
            f" published {moment(view.published_at)}"
        )
    with part:
        _draw_part(view)
    with details:
        for task in challenge.tasks:
            _draw_task(challenge, task, view.tasks[task.slug])


def _draw_phases(view: ChallengeView) -> None:
    now = datetime.now(UTC)
    boxes = []
    for phase in view.challenge.phases:
        open_now = phase.opens_at <= now < phase.closes_at
        state = "open" if open_now else ("opens later" if now < phase.opens_at else "closed")
        shown = "scores are shown at once"
        if phase.visibility is BoardVisibility.HIDDEN_UNTIL_CLOSE:
            shown = "scores are hidden until it closes"
        link = address("leaderboard", slug=view.challenge.slug, phase=phase.slug)
        submit = address("submit", slug=view.challenge.slug, phase=phase.slug)
        entry = f' &nbsp;·&nbsp; <a href="{submit}" target="_self">Submit</a>' if open_now else ""
        boxes.append(
            f"<div{' class=pr-open' if open_now else ''}><b>{plain(phase.title)}"
            f" {badge(state, 'good' if open_now else '')}</b>"
            f"{plain(moment(phase.opens_at))}<br>to {plain(moment(phase.closes_at))}<br>{shown}"
            f'<br><a href="{link}" target="_self">Leaderboard</a>{entry}</div>'
        )
    st.html(f'<div class="pr-time">{"".join(boxes)}</div>')


def _draw_part(view: ChallengeView) -> None:
    slug = view.challenge.slug
    kinds = " or ".join(_KINDS[kind] for kind in view.challenge.accepts)
    st.markdown(
        f"Enter **{kinds}**. A container sees one case at a time, without a network,"
        " and never a reference. Try it on the public sample first: the same sandbox, limits"
        " and metrics as here."
    )
    outputs = [output.type for task in view.challenge.tasks for output in task.outputs.values()]
    made_up = " --task segmentation" if OutputType.MASK_IMAGE in outputs else ""
    st.code(
        f"proctor model init my-model{made_up}\nproctor run {slug} my-model\n"
        f"proctor challenge join {slug}\nproctor submit {slug} my-model --wait",
        language="bash",
    )
    if view.runtimes:
        st.markdown("Approved runtime images for model folders:")
        for name, digest in view.runtimes.items():
            st.markdown(f"- **{name}** `{digest}`")
    for phase in view.challenge.phases:
        rules = literal(" ".join(phase_words(view.challenge, phase)))
        st.markdown(f"**{literal(phase.title)}**: {_quota(phase)} {_limits(phase)} {rules}")
    terms = view.challenge.terms
    if terms is not None:
        with st.expander(f"Terms, version {terms.version}"):
            st.markdown(prose(terms.text))
    if view.challenge.review is not None:
        reviewing.draw_policy(view.challenge.review)


def _quota(phase: PhaseSpec) -> str:
    day, total = phase.quota.per_day, phase.quota.total
    parts = []
    if day is not None:
        parts.append(f"{day} submissions in any 24 hours")
    if total is not None:
        parts.append(f"{total} in all")
    return f"{' and '.join(parts) or 'any number of submissions'} per participant."


def _limits(phase: PhaseSpec) -> str:
    limits = phase.limits
    gpus = limits.gpu.in_words() if limits.gpu else "no GPU"
    return (
        f"Limits: {seconds(limits.case_s)} for a case, {seconds(limits.total_s)} for a run,"
        f" {memory(limits.memory_bytes)} of memory, {limits.cpus:g} CPU, {gpus},"
        f" {memory(limits.output_bytes)} of output."
    )


def _draw_task(challenge: ChallengeSpec, task: TaskSpec, facts: TaskFacts) -> None:
    st.subheader(literal(task.title), anchor=False)
    cases, hidden_items = facts.hidden_cases, facts.hidden_items
    hidden = f"{cases:,} hidden {'case' if cases == 1 else 'cases'}"
    items = "one case"
    if task.items_per_case > 1:
        hidden += f" with {hidden_items:,} items in all"
        items += f", up to {task.items_per_case} items,"
    st.markdown(
        f"{hidden}; public sample cases: {facts.sample_cases:,}."
        f" A container sees {items} at a time."
    )
    st.html(metrics_html(challenge, task))
    st.markdown(
        "Inputs: "
        + ", ".join(f"`{name}` ({spec.type.value})" for name, spec in task.inputs.items())
        + ". Outputs: "
        + ", ".join(
            f"`{spec.file}` ({spec.type.value.replace('_', ' ')})" for spec in task.outputs.values()
        )
        + "."
    )
    st.caption(
        f"Digest of the hidden inputs: {facts.inputs_digest}\n\n"
        f"Salted digest of their reference: {facts.reference_digest}"
    )


def metrics_html(challenge: ChallengeSpec, task: TaskSpec) -> str:
    """Return the task's metrics and whether a phase ranks by them, every cell escaped."""
    deciding = {
        column.metric
        for phase in challenge.phases
        for column in challenge.ranking_columns(phase)
        if column.task == task.slug
    }
    body = "".join(
        f"<tr><th>{plain(metric.id)}</th><td>{plain(metric.name)}</td>"
        f"<td>{plain(', '.join(f'{k} = {v}' for k, v in metric.parameters.items()) or '–')}</td>"
        f"<td>{'yes' if metric.id in deciding else '–'}</td></tr>"
        for metric in task.metrics
    )
    heads = "".join(f'<th class="pr-text">{title}</th>' for title in _METRIC_HEADS)
    return (
        f'<div class="pr-scroll"><table class="pr-facts"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
