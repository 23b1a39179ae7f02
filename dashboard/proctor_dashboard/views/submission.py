"""A submission: live state, scores, one line a case, logs where allowed, and the model's card."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from proctor.client import ApiError
from proctor.plots.numbers import number
from proctor.spec.api import CaseView, RunView, SubmissionView
from proctor.spec.challenge import ChallengeSpec, SubmissionKind
from proctor.spec.contract import Contract
from proctor.spec.outcomes import Code
from proctor.spec.registry.publication import is_licensed
from proctor.spec.work import Purpose
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
from proctor_dashboard.visitor import client

_REFRESH = "2s"
_TONES = {"scored": "good", "checked": "good", "failed": "bad", "rejected": "bad"}
_STILL = {"cancelled", "withdrawn"}
_RUNS = {
    Purpose.FIRST: "Task {}",
    Purpose.TRYOUT: "Try-out of task {} on the public sample",
    Purpose.RERUN: "Re-run of task {}",
    Purpose.REFRESH: "Task {} on a later test set",
}


def draw() -> None:
    """Draw the submission that ``?id=`` names, live until it is final."""
    submission_id = st.query_params.get("id", "")
    if not submission_id:
        st.info("Open a submission from a leaderboard, or by the address that submit printed.")
        return
    first = client().submission(submission_id)
    spec = client().challenge(first.challenge, first.challenge_version).challenge
    st.html(
        trail(
            ("Challenges", address("challenges")),
            (spec.title, address("challenge", slug=first.challenge)),
            (
                f"Leaderboard of {first.phase}",
                address("leaderboard", slug=first.challenge, phase=first.phase),
            ),
        )
    )
    st.title(literal(first.card.title or first.card.name), anchor=False)
    if first.final:
        _draw_progress(first)
    else:
        _draw_live(submission_id)
    _draw_cases(first, spec)
    _draw_card(first)
    if first.yours:
        _draw_log(first)


@st.fragment(run_every=_REFRESH)
def _draw_live(submission_id: str) -> None:
    submission = client().submission(submission_id)
    if submission.final:
        st.rerun()
    _draw_progress(submission)


def _draw_progress(submission: SubmissionView) -> None:
    tone = _TONES.get(submission.progress, "" if submission.progress in _STILL else "wait")
    marks = badge(submission.progress, tone) + badge(submission.kind.value)
    if submission.contract is not Contract.NATIVE:
        marks += badge(f"contract {submission.contract.value}")
    if submission.kind is SubmissionKind.PREDICTIONS:
        marks += badge("not re-runnable")
    if submission.baseline:
        marks += badge("baseline")
    if submission.check_only:
        marks += badge("try-out only")
    if submission.rank is not None:
        marks += badge(f"rank {submission.rank}", "good")
    st.html(marks)
    st.caption(f"{submission.id} · by {submission.participant} · {moment(submission.submitted_at)}")
    if submission.source is not None:
        source = submission.source
        folder = f", folder {source.folder}" if source.folder else ""
        st.caption(literal(f"From {source.url}@{source.revision}{folder}"))
    if submission.standing:
        st.markdown(literal(submission.standing))
    if submission.message:
        st.text(submission.message)
    if submission.outcome not in (None, Code.OK):
        st.error(literal(submission.detail or submission.outcome))
        st.caption(submission.hint)
    for run in submission.runs:
        _draw_run(run, submission.detail)


def _draw_run(run: RunView, already_said: str) -> None:
    title = _RUNS[run.purpose].format(run.task)
    with st.container(border=True):
        st.markdown(f"**{title}**: {run.state.value}{f', {run.stage}' if run.stage else ''}")
        if run.cases_total:
            st.progress(
                min(1.0, run.cases_done / run.cases_total),
                text=f"{run.cases_done} of {run.cases_total} cases"
                + (f", {run.cases_failed} failed" if run.cases_failed else ""),
            )
        if run.verdict is not None:
            st.markdown(f"Verdict: **{run.verdict.value}**")
            st.text(run.verdict_detail)
        if run.waiting:
            st.text(run.waiting)
        if run.detail and run.detail != already_said:
            st.text(run.detail)
        evaluation = run.evaluation
        if evaluation is not None and evaluation.scores:
            st.html(_scores_table(evaluation.scores))
        facts = [f"attempt {run.attempt}", f"{seconds(run.seconds)} in the model"]
        if run.overhead_s is not None:
            facts.append(f"{seconds(run.overhead_s)} around it: containers, files, decoding")
        if run.environment is not None:
            where = run.environment
            facts.append(f"{where.sandbox} on {where.cpu} ({where.cpu_count} cores)")
            if where.gpu:
                facts.append(where.gpu)
        st.caption(" · ".join(facts))


def _scores_table(scores: Mapping[str, float | None]) -> str:
    """Return one line a metric, one column a label."""
    table: dict[str, dict[str, float | None]] = {}
    for key, value in scores.items():
        _, metric, label = key.split("/", 2)
        table.setdefault(metric, {})[label] = value
    labels = list(dict.fromkeys(label for line in table.values() for label in line))
    head = "".join(f"<th>{plain(label)}</th>" for label in labels)
    body = "".join(
        f"<tr><th>{plain(metric)}</th>"
        + "".join(f'<td class="pr-number">{number(line.get(label))}</td>' for label in labels)
        + "</tr>"
        for metric, line in table.items()
    )
    return (
        '<div class="pr-scroll"><table class="pr-facts"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _draw_cases(submission: SubmissionView, spec: ChallengeSpec) -> None:
    try:
        cases = client().cases(submission.id)
    except ApiError as error:
        st.caption(error.problem.detail or error.problem.title)
        return
    if not cases:
        return
    st.subheader("Cases", anchor=False)
    on_grids = any(one.type.on_a_grid for task in spec.tasks for one in task.outputs.values())
    link = address("case", id=submission.id)
    title = "Look at slices" if on_grids else "Look at cases"
    st.html(f'<div class="pr-links"><a href="{link}" target="_self">{title}</a></div>')
    st.dataframe([_case_line(case) for case in cases], hide_index=True)


def _case_line(case: CaseView) -> dict[str, str]:
    line = {
        "Case": case.case,
        "Outcome": case.outcome.value,
        "Time": seconds(case.seconds),
        "Memory": memory(case.peak_memory_bytes),
    }
    if case.peak_gpu_memory_bytes is not None:
        line["GPU memory"] = memory(case.peak_gpu_memory_bytes)
    for key, value in case.scores.items():
        line[key.removesuffix("/mean").replace("/", " ")] = number(value)
    if case.detail:
        line["Detail"] = case.detail
    return line


def _draw_card(submission: SubmissionView) -> None:
    card = submission.card
    st.subheader("Model card", anchor=False)
    page, tells = address("model", id=submission.id), "its versions, how to use it, how to cite it"
    if not is_licensed(submission.kind, card.license):
        tells = "not public, since its card states no license"
    st.html(
        f'<div class="pr-links"><a href="{page}" target="_self">Page of this model: {tells}'
        "</a></div>"
    )
    st.markdown(prose(card.description) or "The author has written nothing here.")
    facts = {
        "Name": card.name,
        "Version": card.version,
        "License": card.license or "not stated",
        "Authors": ", ".join(card.authors) or "not stated",
        "Runtime image": card.runtime or "its own",
        "Digest": submission.content_digest,
    }
    facts |= {f"Claimed {name}": number(value) for name, value in card.claimed_scores.items()}
    lines = "".join(
        f"<tr><th>{plain(name)}</th><td>{plain(fact)}</td></tr>" for name, fact in facts.items()
    )
    st.html(f'<table class="pr-facts"><tbody>{lines}</tbody></table>')


def _draw_log(submission: SubmissionView) -> None:
    with st.expander("Log"):
        try:
            log = client().log(submission.id)
        except ApiError as error:
            st.caption(literal(error.message))
            return
        st.code(log[-100_000:] or "The model has written nothing.", language=None)
