"""A case of a run: what went in, what should have come out, and what did."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from proctor.client import ApiError, Client, DownloadError
from proctor.spec.api import CaseFiles, CaseView, RunView, SubmissionView
from proctor.spec.outcomes import OUTCOMES, Code
from proctor.spec.task import OutputType, TaskSpec
from proctor.spec.work import Purpose, Split
from proctor_dashboard.case_kinds import (
    boxes,
    documents,
    images,
    instances,
    masks,
    rows,
    texts,
)
from proctor_dashboard.case_kinds.parts import Parts
from proctor_dashboard.text import address, literal, trail
from proctor_dashboard.visitor import client
from proctor_dashboard.volumes import VolumeError

_PURPOSES = {
    Purpose.FIRST: "first run",
    Purpose.TRYOUT: "try-out",
    Purpose.RERUN: "re-run",
    Purpose.REFRESH: "later test set",
}
KINDS: Mapping[OutputType, Callable[[Parts], None]] = {
    OutputType.MASK_IMAGE: masks.draw,
    OutputType.CONTOUR: masks.draw,
    OutputType.INSTANCES: instances.draw,
    OutputType.BOXES: boxes.draw,
    OutputType.IMAGE: images.draw,
    OutputType.HEATMAP: images.draw,
    OutputType.TEXT: texts.draw,
    OutputType.TABLE: rows.draw,
    OutputType.VECTOR: rows.draw,
    OutputType.LABEL_LIST: rows.draw,
    OutputType.CUSTOM: documents.draw,
}


def draw() -> None:
    """Draw the case that ``?id=&run=&case=`` names, or the first that may be looked at."""
    submission_id = st.query_params.get("id", "")
    if not submission_id:
        st.info("Open a case from the page of its submission.")
        return
    api = client()
    submission = api.submission(submission_id)
    name = submission.card.title or submission.card.name
    spec = api.challenge(submission.challenge, submission.challenge_version).challenge
    st.html(
        trail(
            ("Challenges", address("challenges")),
            (spec.title, address("challenge", slug=submission.challenge)),
            (name, address("submission", id=submission.id)),
        )
    )
    st.title("Cases", anchor=False)
    tasks = {task.slug: task for task in spec.tasks}
    runs = [run for run in submission.runs if run.task in tasks and run.cases_done]
    if not runs:
        st.info("This submission has no case to look at yet.")
        return
    left, right = st.columns([3, 2])
    with left:
        run = _choose_run(runs)
    with right:
        chosen = _choose_case(api.cases(submission.id, run.id))
    if chosen is None:
        st.info("No case of this run is finished yet.")
        return
    try:
        files = api.case_files(submission.id, run.id, chosen.case)
        _draw_case(api, submission, tasks[run.task], files, chosen)
    except ApiError as error:
        st.info(literal(error.problem.detail or error.problem.title))
    except (VolumeError, DownloadError) as error:
        st.warning(literal(str(error)))


def _choose_run(runs: list[RunView]) -> RunView:
    """Return the run that the address names, else the newest on the public sample."""
    by_id = {run.id: run for run in reversed(runs)}
    sample = [run for run in by_id.values() if run.split is Split.SAMPLE]
    wanted = st.query_params.get("run", "")
    first = by_id.get(wanted) or (sample or list(by_id.values()))[0]
    ids = list(by_id)
    chosen = st.selectbox(
        "Run",
        ids,
        index=ids.index(first.id),
        format_func=lambda run_id: _name_of_run(by_id[run_id]),
    )
    if chosen != first.id:
        st.query_params["run"] = chosen
        st.query_params.pop("case", None)
        st.rerun()
    return by_id[chosen]


def _name_of_run(run: RunView) -> str:
    cases = "Public sample" if run.split is Split.SAMPLE else "Hidden test set"
    return f"{cases}: task {run.task}, {_PURPOSES[run.purpose]}"


def _choose_case(cases: list[CaseView]) -> CaseView | None:
    if not cases:
        return None
    names = [case.case for case in cases]
    wanted = st.query_params.get("case", "")
    place = names.index(wanted) if wanted in names else 0
    chosen = st.selectbox("Case", names, index=place)
    if chosen != wanted:
        st.query_params["case"] = chosen
    return cases[names.index(chosen)]


def _draw_case(
    api: Client, submission: SubmissionView, task: TaskSpec, files: CaseFiles, case: CaseView
) -> None:
    if case.outcome is not Code.OK:
        st.warning(f"**{OUTCOMES[case.outcome].message}** {literal(case.detail)}")
    outputs = list(task.outputs)
    output = outputs[0] if len(outputs) == 1 else st.selectbox("Output", outputs)
    KINDS[task.outputs[output].type](Parts(api, submission.id, task, files, case, output))
