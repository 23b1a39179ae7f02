"""One question that comes into a sandbox as a folder, and its answer that leaves as one.

`/input/<id>/request.json` stands in place of `case.json` where somebody tries a model instead of
examining it:

    {"contract": 1, "request": "<id>", "inputs": {"photo": "photo.png"},
     "pictures": true, "vector_files": false}

`/output/<id>/answer.json` holds the answer, or why the inputs were refused; its files lie beside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..case import CaseError
from ..inputs import InputError
from ..serve import REQUEST_FILE
from .backend import ANSWER_FILE, Answer, AnswerError, Wish
from .failures import RefusedError
from .telling import tell

if TYPE_CHECKING:
    from pathlib import Path

    from ..engine import Engine

CONTRACT = 1
_MOST_SENTENCE = 2000


def request_document(request: str, inputs: Mapping[str, str], wish: Wish) -> bytes:
    """Return the bytes of a `request.json`.

    Args:
        inputs: File names by input name.
    """
    return json.dumps(
        {
            "contract": CONTRACT,
            "request": request,
            "inputs": dict(inputs),
            "pictures": wish.pictures,
            "vector_files": wish.vector_files,
        }
    ).encode()


def answer_request(engine: Engine, input_folder: Path, output_folder: Path) -> None:
    """Answer the request in a folder.

    Raises:
        CaseError: The request cannot be read.
        ModelError: The model failed.
    """
    from .engine_backend import of_input

    path = input_folder / REQUEST_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["contract"] != CONTRACT:
            raise ValueError(f"contract {document['contract']!r} is not known")
        inputs = {str(name): input_folder / str(file) for name, file in document["inputs"].items()}
        wish = Wish(bool(document["pictures"]), bool(document["vector_files"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaseError(f"{path} is no request: {error}.") from error
    output_folder.mkdir(parents=True, exist_ok=True)
    try:
        answer: dict[str, Any] = tell(engine.predict(inputs), output_folder, wish).to_document()
    except InputError as error:
        refused = of_input(error, inputs)
        answer = {
            "refused": {
                "status": refused.status,
                "code": refused.code,
                "sentence": refused.sentence,
                "field": refused.field,
            }
        }
    text = json.dumps(answer, allow_nan=False, separators=(",", ":"))
    (output_folder / ANSWER_FILE).write_text(text, encoding="utf-8")


def read_answer(text: bytes, files: Mapping[str, Path]) -> Answer:
    """Return the answer that came out of a sandbox.

    Raises:
        RefusedError: The model does not take the inputs.
        AnswerError: It is no answer.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise AnswerError("the answer is not JSON") from error
    if isinstance(document, dict) and "refused" in document:
        raise _refused(document["refused"])
    return Answer.from_document(document, files)


def _refused(said: object) -> RefusedError:
    if not isinstance(said, dict):
        raise AnswerError("a refusal is no object")
    status = said.get("status")
    if status not in (415, 422, 501):
        raise AnswerError("a refusal has no status")
    words = [str(said.get(name, ""))[:_MOST_SENTENCE] for name in ("code", "sentence", "field")]
    return RefusedError(int(status), words[0], words[1], field=words[2])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
