"""A case of a segmentation: slices, and the outlines of reference and prediction over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from proctor.client import ApiError, Client, DownloadError
from proctor.client.api import CasePart
from proctor.plots.numbers import number
from proctor.spec.api import CaseFiles, CaseView, RunView, SubmissionView
from proctor.spec.outcomes import OUTCOMES, Code
from proctor.spec.task import OutputType, TaskSpec
from proctor.spec.work import Purpose, Split
from proctor_dashboard.slices import Layer, Outlined, color_of, picture
from proctor_dashboard.text import address, literal, plain, trail
from proctor_dashboard.visitor import client
from proctor_dashboard.volumes import (
    Array,
    Plane,
    Volume,
    VolumeError,
    busiest,
    read_prediction,
    read_volume,
    refuse_other_grid,
    usual_window,
)

_MOST_STRUCTURES = 40
_PURPOSES = {
    Purpose.FIRST: "first run",
    Purpose.TRYOUT: "try-out",
    Purpose.RERUN: "re-run",
    Purpose.REFRESH: "later test set",
}


@dataclass(frozen=True, eq=False)
class _Shown:
    """What is drawn: an input, the masks on it, and the labels of each structure by its name."""

    volume: Volume
    reference: Array
    prediction: Array | None
    structures: Mapping[str, tuple[int, ...]]


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
    tasks = {task.slug: task for task in spec.tasks if is_drawn(task)}
    runs = [run for run in submission.runs if run.task in tasks and run.cases_done]
    if not runs:
        st.info("This submission has no case with a picture yet.")
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


def is_drawn(task: TaskSpec) -> bool:
    """Tell whether a task's answers are masks on a volume."""
    return any(output.type is OutputType.MASK_IMAGE for output in task.outputs.values())


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
    output = next(n for n, o in task.outputs.items() if o.type is OutputType.MASK_IMAGE)
    metric = next((metric for metric in task.metrics if metric.output == output), None)
    grids = [name for name, spec in task.inputs.items() if spec.type == "volume"]
    grid = task.outputs[output].grid
    inputs = sorted(grids, key=lambda name: name != grid)
    shown_input = inputs[0] if len(inputs) == 1 else st.selectbox("Input", inputs)
    reference_name = metric.reference if metric else next(iter(task.reference))
    volume = _volume(api, submission.id, files, "inputs", shown_input)
    reference = _volume(api, submission.id, files, "reference", reference_name)
    refuse_other_grid("reference", reference.array, volume)
    prediction = None
    if output in files.predictions:
        prediction = _prediction(api, submission.id, files, output, volume)
    structures = dict(list(task.structures.items())[:_MOST_STRUCTURES])
    shown = _Shown(volume, reference.array, prediction, structures)
    _draw_slices(shown, "Regions" if task.regions else "Labels")
    _draw_facts(shown, case)


@st.fragment
def _draw_slices(shown: _Shown, what: str) -> None:
    names = list(shown.structures)
    left, right = st.columns([3, 2])
    with left:
        picked = st.pills(what, names, selection_mode="multi", default=names)
        drawn = {name: names.index(name) for name in names if name in picked}
        over = st.pills(
            "Outlines",
            ["Reference", "Prediction"],
            selection_mode="multi",
            default=["Reference", "Prediction"],
        )
    with right:
        window = _draw_window(shown.volume.array)
    layers = [(shown.reference, False)] if "Reference" in over else []
    if "Prediction" in over and shown.prediction is not None:
        layers.append((shown.prediction, True))
    st.html(_legend(drawn, [dashed for _, dashed in layers]))
    for plane, column in zip(Plane, st.columns(3), strict=True):
        with column:
            count = shown.volume.array.shape[plane.axis]
            place = busiest(shown.reference, plane)
            if count > 1:
                place = st.slider(f"{plane.value.title()} slice", 0, count - 1, place)
            st.html(
                picture(
                    plane.cut(shown.volume.array, place),
                    tuple(Layer(plane.cut(mask, place), dashed) for mask, dashed in layers),
                    [Outlined(shown.structures[name], color) for name, color in drawn.items()],
                    plane,
                    plane.pixel_mm(shown.volume.spacing_mm),
                    window,
                    f"{plane.value} slice {place} with outlines",
                )
            )
    st.caption("The patient's right is at the left of axial and coronal slices.")


def _draw_window(array: Array) -> tuple[float, float]:
    lowest, highest = float(np.nanmin(array)), float(np.nanmax(array))
    if not highest > lowest:
        return lowest, lowest + 1.0
    low, high = usual_window(array)
    chosen = st.slider(
        "Window: black and white at",
        lowest,
        highest,
        (max(low, lowest), min(high, highest)),
        step=(highest - lowest) / 200,
        format="%.4g",
    )
    return chosen[0], chosen[1]


def _legend(drawn: Mapping[str, int], kinds: list[bool]) -> str:
    """Return what each line is; solid and dashed, so that it holds in black and white too."""
    parts = []
    for dashed in kinds:
        parts.append(f"<b>{'Prediction (dashed)' if dashed else 'Reference (solid)'}</b>")
        style = "dashed" if dashed else "solid"
        parts += [
            f'<span class="pr-key"><i style="border-top-style:{style};'
            f'border-top-color:{color_of(place, dashed=dashed)}"></i>'
            f"{plain(name)}</span>"
            for name, place in drawn.items()
        ]
    return f'<div class="pr-legend">{"".join(parts)}</div>'


def _draw_facts(shown: _Shown, case: CaseView) -> None:
    if shown.prediction is None:
        st.info("There is no prediction of this case to draw.")
    scores: dict[str, dict[str, float | None]] = {}
    for key, value in case.scores.items():
        metric, label = key.split("/", 1)
        scores.setdefault(label, {})[metric] = value
    metrics = list(dict.fromkeys(key.split("/", 1)[0] for key in case.scores))
    milliliters = float(np.prod(shown.volume.spacing_mm)) / 1000
    rows = []
    for name, labels in shown.structures.items():
        truth = np.isin(shown.reference, labels)
        answer = None if shown.prediction is None else np.isin(shown.prediction, labels)
        volumes = [np.count_nonzero(truth) * milliliters]
        if answer is not None:
            volumes += [
                np.count_nonzero(answer) * milliliters,
                np.count_nonzero(truth & answer) * milliliters,
            ]
        cells = [number(scores.get(name, {}).get(metric)) for metric in metrics]
        cells += [number(volume) for volume in volumes]
        rows.append((name, cells))
    if "mean" in scores:
        means = [number(scores["mean"].get(metric)) for metric in metrics]
        rows.append(("mean", means))
    head = [*metrics, "reference, ml"]
    if shown.prediction is not None:
        head += ["prediction, ml", "in both, ml"]
    body = "".join(
        f"<tr><th>{plain(name)}</th>"
        + "".join(f'<td class="pr-number">{plain(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    titles = "".join(f"<th>{plain(title)}</th>" for title in head)
    st.html(
        '<div class="pr-scroll"><table class="pr-facts"><thead><tr><th>Structure</th>'
        f"{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _volume(api: Client, submission: str, files: CaseFiles, part: CasePart, name: str) -> Volume:
    digest = getattr(files, part)[name].digest
    return _read_volume(api, submission, files, part, name, digest)


# The list of files was asked for with the visitor's token just before: who has no right to them
# does not come this far, so what is kept may be shared.
@st.cache_resource(
    max_entries=8, ttl=900, show_spinner="Reading the volume", hash_funcs={Client: lambda _: 0}
)
def _read_volume(
    api: Client, submission: str, _files: CaseFiles, part: CasePart, name: str, digest: str
) -> Volume:
    return read_volume(api.case_file(submission, _files, part, name))


def _prediction(api: Client, submission: str, files: CaseFiles, name: str, volume: Volume) -> Array:
    digest = files.predictions[name].digest
    return _read_prediction(api, submission, files, name, volume, digest)


@st.cache_resource(max_entries=8, ttl=900, hash_funcs={Client: lambda _: 0})
def _read_prediction(
    api: Client, submission: str, _files: CaseFiles, name: str, _volume: Volume, digest: str
) -> Array:
    return read_prediction(api.case_file(submission, _files, "predictions", name), _volume)
