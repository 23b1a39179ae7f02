"""A submission in one call: a model folder, an image, or predictions as they lie in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proctor.quick.challenges import Challenge
from proctor.quick.models import is_model, write_model

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import ChallengeView, SubmissionView
    from proctor.spec.task import TaskSpec


@dataclass(frozen=True)
class Entry:
    """A submission as it stood when it was looked at.

    Attributes:
        scores: By ``task/metric/label``; empty until it is scored, or where they are hidden.
        detail: Why it failed, if it did.
    """

    id: str
    challenge: str
    progress: str
    final: bool
    rank: int | None
    scores: dict[str, float | None]
    detail: str
    page: str


def submit(
    model: Any,
    preprocess: Callable[..., Any] | str | Challenge | None = None,
    challenge: str | Challenge | None = None,
    *,
    postprocess: Callable[..., Any] | None = None,
    runtime: str | None = None,
    phase: str | None = None,
    title: str = "",
    license: str = "",  # noqa: A002 - the name that people type
    message: str = "",
    accept_terms: bool = False,
    check_only: bool = False,
    wait: bool = True,
    host: str | None = None,
) -> Entry:
    """Enter a model or predictions, and by default wait for its scores.

    ``submit(model, challenge)`` and ``submit(model, preprocess, challenge=...)`` are both right.

    Args:
        model: A fitted scikit-learn estimator, a PyTorch module or a function of the inputs, which
            `write_model` writes down; the path of a model folder, an ``.onnx`` file or a folder of
            predictions; an image's name; or the predictions themselves where the inputs are
            public: a mapping from case to array. A table has one row an item, texts are a list, a
            mask or an image lies on the grid of its input.
        preprocess: Of a model in memory: makes of the inputs, a mapping by name, what it takes.
        challenge: Its slug, or what `create_challenge` returned.
        postprocess: Of a model in memory: makes of its answer and the inputs what is asked for.
        runtime: Of a model in memory: the runtime image; the one that has its framework when not
            given.
        license: An SPDX expression, where no card states it; without one the model has no public
            page.
        accept_terms: You have read the terms of the challenge and accept them.
        check_only: Stop after the try-out on the public sample.
        wait: Return when it is final.

    Raises:
        ApiError: The platform refuses.
        ValueError: The model or the predictions do not have a form that can be written.
    """
    from proctor.cli.connection import connect
    from proctor.cli.contents import open_model
    from proctor.cli.graphs import refuse_unfit
    from proctor.cli.output import say
    from proctor.cli.prediction_folder import holds_predictions, read_predictions
    from proctor.cli.stated_license import licensed
    from proctor.cli.submissions import choose_phase, enter, tasks_for
    from proctor.cli.watch import follow
    from proctor.spec.api import SubmissionCreate

    if isinstance(preprocess, (str, Challenge)):
        if challenge is not None:
            raise ValueError(f"the challenge is named twice: {preprocess} and {challenge}")
        preprocess, challenge = None, preprocess
    if challenge is None:
        raise ValueError("name the challenge, for example challenge='digits'")
    slug = challenge.slug if isinstance(challenge, Challenge) else challenge
    if not is_model(model) and (preprocess, postprocess, runtime) != (None, None, None):
        raise ValueError("preprocess, postprocess and runtime go with a model in memory")
    with ExitStack() as stack:
        if is_model(model):
            place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model"
            model = write_model(
                place, model, preprocess, postprocess=postprocess, title=title, runtime=runtime
            )
        client = stack.enter_context(connect(host))
        view = client.challenge(slug)
        chosen = choose_phase(view, phase)
        _take_part(client, view, accept_terms)
        if isinstance(model, Mapping):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _write_predictions(client, folder, model, view, title)
            model = folder
        name = str(model)
        if holds_predictions(name):
            entry = read_predictions(name, None, view.challenge, view.challenge.phase(chosen))
        else:
            entry = stack.enter_context(open_model(name, None, say, limits=client.limits))
        card = entry.card.model_copy(update={"title": title}) if title else entry.card
        card = licensed(card, entry.content, license)
        refuse_unfit(Path(name), tasks_for(card, view.challenge, chosen))
        request = SubmissionCreate(
            challenge=slug,
            phase=chosen,
            content=entry.content,
            card=card,
            message=message,
            check_only=check_only,
            source=entry.source,
        )
        seen = enter(client, request, entry.blobs, None)
        if wait:
            say(f"{seen.id} is entered in {slug}.")
            seen = follow(client, seen.id, poll_s=1.0)
        return entry_of(client, seen)


def entry_of(client: Client, view: SubmissionView) -> Entry:
    """Return what a person wants to know of a submission."""
    from proctor.cli.connection import page_address

    return Entry(
        id=view.id,
        challenge=view.challenge,
        progress=view.progress,
        final=view.final,
        rank=view.rank,
        scores=scores_of(view),
        detail=view.detail,
        page=page_address(client.host, view),
    )


def scores_of(view: SubmissionView) -> dict[str, float | None]:
    """Return the scores that stand, of every task."""
    from proctor.client.standing import standing_runs

    scores: dict[str, float | None] = {}
    for run in standing_runs(view):
        if run.evaluation is not None:
            scores |= run.evaluation.scores
    return scores


def _take_part(client: Client, view: ChallengeView, accept_terms: bool) -> None:
    terms = view.challenge.terms
    if view.organizer or (view.joined and (terms is None or view.terms_accepted)):
        return
    if terms is not None and not accept_terms:
        raise ValueError(
            f"{view.challenge.slug} has terms, version {terms.version}. Read them"
            f" ({view.page or 'proctor challenge join'}) and give accept_terms=True."
        )
    client.join(view.challenge.slug, terms.version if terms else "")


def _write_predictions(
    client: Client, folder: Path, predictions: Mapping[Any, Any], view: ChallengeView, title: str
) -> None:
    """Write predictions from memory in the form of the challenge's one task and output.

    Raises:
        ValueError: The challenge has several, or a case has an unknown name.
    """
    if len(view.challenge.tasks) != 1 or len(view.challenge.tasks[0].outputs) != 1:
        raise ValueError("this challenge has several answers a case; submit a folder of files")
    task = view.challenge.tasks[0]
    slug = view.challenge.slug
    cases = {case.id: case for case in client.inputs(slug, task.slug).cases}
    if unknown := [str(case) for case in predictions if str(case) not in cases]:
        raise ValueError(f"there is no case {unknown[0]!r}; there are {', '.join(cases)}")
    for case, answer in predictions.items():
        target = folder / str(case)
        target.mkdir(parents=True)
        grid = next((spec.grid for spec in task.outputs.values() if spec.grid), None)
        source = client.get_blob(cases[str(case)].files[grid].digest) if grid else b""
        _write_answer(target, task, answer, source)
    card = {"contract": 1, "name": "predictions", "title": title}
    (folder / "predictions.json").write_text(json.dumps(card), encoding="utf-8")


def _write_answer(target: Path, task: TaskSpec, answer: Any, source: bytes) -> None:
    import gzip

    import nibabel
    import numpy as np

    from proctor.spec.outputs import PICTURE_SUFFIXES
    from proctor.spec.task import OutputType

    (spec,) = task.outputs.values()
    if spec.type is OutputType.TEXT:
        texts = [answer] if isinstance(answer, str) else list(answer)
        plain = spec.file.endswith(".txt")
        content = texts[0] if plain else json.dumps(texts, ensure_ascii=False)
        (target / spec.file).write_text(content, encoding="utf-8")
        return
    if spec.type in (OutputType.CONTOUR, OutputType.CUSTOM):
        (target / spec.file).write_text(json.dumps(answer), encoding="utf-8")
        return
    array = np.asarray(answer)
    array_file = spec.file.endswith(".npy")
    if spec.grid is not None and array_file:
        stored = array.astype(np.float64) if spec.type.of_numbers else array
        np.save(target / spec.file, stored, allow_pickle=False)
        return
    if spec.file.endswith(PICTURE_SUFFIXES):
        from proctor.cli.constant_mask import write_picture

        write_picture(array, target / spec.file)
        return
    if spec.grid is not None:
        content = gzip.decompress(source) if source.startswith(b"\x1f\x8b") else source
        grid = nibabel.Nifti1Image.from_bytes(content)
        kind = np.int16 if spec.type is OutputType.MASK_IMAGE else np.float64
        mask = nibabel.Nifti1Image(array.astype(kind), grid.affine)  # type: ignore[no-untyped-call]
        nibabel.save(mask, target / spec.file)
        return
    rows = array.astype(np.float64).reshape(len(array), -1)
    if rows.shape[1] != len(spec.columns):
        raise ValueError(
            f"{target.name} has {rows.shape[1]} columns; {spec.file} has {', '.join(spec.columns)}"
        )
    if array_file:
        vector = spec.type is OutputType.VECTOR
        np.save(target / spec.file, rows[:, 0] if vector else rows, allow_pickle=False)
        return
    np.savetxt(target / spec.file, rows, "%.17g", ",", header=",".join(spec.columns), comments="")
