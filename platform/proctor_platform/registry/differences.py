"""What differs between two models, as far as the asker may know of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlmodel import Session, col, select

from proctor.spec.base import FileRef
from proctor.spec.card.detected import Hyperparameter, Scalar
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.differences import (
    Change,
    FileChange,
    FileChangeKind,
    ModelDifferences,
    ModelRef,
    ScoreChange,
)
from proctor_platform.archive.rights import may_have_files
from proctor_platform.registry.measurements import measurement_of
from proctor_platform.registry.pages import place_of
from proctor_platform.registry.sight import ModelSight, model_in_sight
from proctor_platform.registry.versions import numbers_of, owned, versions_of
from proctor_platform.registry.words import cut
from proctor_platform.rights import Asker
from proctor_platform.submissions.sights import shown_card
from proctor_platform.tables import User

_LONGEST = 2_000
_MOST_CHANGES = 500
_METHOD = "model."


def differences(
    session: Session, submission_id: str, other: str | None, asker: Asker
) -> ModelDifferences:
    """Tell what changed from another model to this one.

    Args:
        session: a session.
        submission_id: the later one.
        other: the earlier one; the version before, of those that the asker sees, if none.
        asker: who asks.

    Raises:
        ProctorError: one of them is not in sight, or there is no version before.
    """
    after = model_in_sight(session, submission_id, asker)
    before = model_in_sight(session, other or _version_before(session, after), asker)
    cards = [_flat(_card(model)) for model in (before, after)]
    found = [_flat(_measured(session, model), "measured") for model in (before, after)]
    changes = list(_changes(*cards))
    measured = list(_changes(*found))
    files_before, files_after = (
        files_by_path(model.submission.content) for model in (before, after)
    )
    allowed = all(model.shown and may_have_files(model.sight) for model in (before, after))
    return ModelDifferences(
        before=_ref(session, before),
        after=_ref(session, after),
        same_content=before.submission.content_digest == after.submission.content_digest,
        card=tuple(one for one in changes if not one.path.startswith(_METHOD)),
        parameters=(*measured, *(one for one in changes if one.path.startswith(_METHOD))),
        files=tuple(_file_changes(files_before, files_after)) if allowed else None,
        same_files=sum(files_before.get(path) == file for path, file in files_after.items()),
        scores=tuple(_scores(session, before, after)),
    )


def files_by_path(content: Mapping[str, Any]) -> dict[str, FileRef]:
    """Return what was entered by path; layers of an image by their number from below."""
    entries = [*content.get("entries", ()), *content.get("weights", ())]
    files = {entry["path"]: FileRef.model_validate(entry["file"]) for entry in entries}
    if "config" in content:
        files["image config"] = FileRef.model_validate(content["config"])
    for number, layer in enumerate(content.get("layers", ()), start=1):
        files[f"image layer {number}"] = FileRef.model_validate(layer)
    return files


def _version_before(session: Session, model: ModelSight) -> str:
    ids = [one.id for one in versions_of(session, model)]
    earlier = ids[ids.index(model.submission.id) + 1 :]
    if not earlier:
        raise ProctorError(
            Code.NOT_FOUND, "There is no version before it; name another model to compare with."
        )
    return earlier[0]


def _ref(session: Session, model: ModelSight) -> ModelRef:
    submission = model.submission
    card = shown_card(submission, bare=not model.shown)
    return ModelRef(
        id=submission.id,
        title=card.title or card.name,
        participant=session.exec(select(User.name).where(col(User.id) == submission.user_id)).one(),
        challenge=model.challenge.slug,
        number=numbers_of(session, [owned(submission)]).get(submission.id, 0),
        version=card.version,
    )


def _card(model: ModelSight) -> dict[str, Any]:
    return shown_card(model.submission, bare=not model.shown).model_dump(mode="json")


def _measured(session: Session, model: ModelSight) -> dict[str, Any]:
    """Return what was found out of how a model works, but for its single layers."""
    metadata = measurement_of(session, model.submission.id) if model.shown else None
    main = metadata.main if metadata else None
    if metadata is None or main is None:
        return {}
    return {
        "framework": f"{main.framework} {main.framework_version}".strip(),
        "type": main.type,
        "parameters": metadata.parameters,
        "weights_bytes": metadata.weights_bytes,
        "layers": main.layer_counts,
        "activations": main.activation_counts,
        "loss": main.loss,
        "optimizer": main.optimizer,
        "hyperparameters": _settings(main.hyperparameters),
        "steps": {
            step.path: {"type": step.type, **_settings(step.hyperparameters)} for step in main.steps
        },
    }


def _settings(hyperparameters: Iterable[Hyperparameter]) -> dict[str, Scalar]:
    return {one.name: one.value for one in hyperparameters}


def _flat(document: object, path: str = "") -> dict[str, str]:
    """Return every value of a document by its place."""
    if isinstance(document, dict) and document:
        parts = ((f"{path}.{key}" if path else key, value) for key, value in document.items())
    elif isinstance(document, list) and document:
        parts = ((f"{path}[{number}]", value) for number, value in enumerate(document))
    elif document in (None, "", [], {}):
        return {}
    else:
        text = document if isinstance(document, str) else json.dumps(document)
        return {path: text}
    return {place: text for part, value in parts for place, text in _flat(value, part).items()}


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    paths = [*before, *(path for path in after if path not in before)]
    different = [path for path in paths if before.get(path) != after.get(path)]
    for path in different[:_MOST_CHANGES]:
        yield Change(path=path, before=_short(before.get(path)), after=_short(after.get(path)))


def _short(text: str | None) -> str | None:
    return None if text is None else cut(text, _LONGEST)


def _file_changes(
    before: Mapping[str, FileRef], after: Mapping[str, FileRef]
) -> Iterator[FileChange]:
    paths = [*before, *(path for path in after if path not in before)]
    for path in paths:
        was, now = before.get(path), after.get(path)
        if was == now:
            continue
        kind = FileChangeKind.CHANGED
        if was is None:
            kind = FileChangeKind.ADDED
        elif now is None:
            kind = FileChangeKind.REMOVED
        yield FileChange(path=path, kind=kind, before=was, after=now)


def _scores(session: Session, before: ModelSight, after: ModelSight) -> Iterator[ScoreChange]:
    """Yield the scores that can be compared: those of one phase and one definition."""
    where = [(model.challenge.id, model.submission.phase) for model in (before, after)]
    was, now = place_of(session, before), place_of(session, after)
    if where[0] != where[1] or was is None or now is None:
        return
    definitions = {column.key: column.definition_id for column in was.columns}
    for column in now.columns:
        key = column.key
        pair = was.row.values.get(key), now.row.values.get(key)
        if definitions.get(key) != column.definition_id or pair[0] is None or pair[1] is None:
            continue
        gain = None
        if pair[0].value is not None and pair[1].value is not None:
            step = pair[1].value - pair[0].value
            gain = step if column.higher_is_better else -step
        yield ScoreChange(
            key=key,
            title=column.title,
            higher_is_better=column.higher_is_better,
            before=pair[0],
            after=pair[1],
            gain=gain,
        )
