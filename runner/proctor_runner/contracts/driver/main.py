"""Speaks `case` or `serve`, as PROCTOR_PROTOCOL says, for the model that plan.json tells of.

Exit codes: 0 answered; 1 the model did not answer; 3 it cannot be asked anything.
"""

import json
import os
import sys
from typing import Any, Dict

from .errors import NotAnsweredError, NotReadyError
from .line import Line
from .max_model import MaxModel
from .modelhub_model import ModelHubModel

ANSWERED, NOT_ANSWERED, NOT_READY = 0, 1, 3

_PLACE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INPUT, _OUTPUT = "/input", "/output"
_MOST_ERROR_CHARACTERS = 1000
_MODELS: Dict[str, Any] = {"max": MaxModel, "modelhub": ModelHubModel}


def main() -> None:
    """Run one protocol to its end and exit."""
    if sys.version_info < (3, 6):
        sys.exit("This contract takes Python 3.6 or later in the image, not %s." % sys.version)
    with open(os.path.join(_PLACE, "plan.json"), encoding="utf-8") as stream:
        plan = json.load(stream)
    serves = os.environ.get("PROCTOR_PROTOCOL") == "serve"
    line = Line.keep() if serves else None
    try:
        model = _MODELS[plan["contract"]](plan)
        model.start()
        if line is None:
            _answer(model, _INPUT, _OUTPUT)
        else:
            _serve(model, line)
    except NotReadyError as error:
        _stop(NOT_READY, str(error))
    except NotAnsweredError as error:
        _stop(NOT_ANSWERED, str(error))
    _stop(ANSWERED, "")


def _serve(model: Any, line: Line) -> None:
    line.send(ready=1)
    while True:
        case = line.next_id()
        if case is None:
            return
        try:
            _answer(model, os.path.join(_INPUT, case), os.path.join(_OUTPUT, case))
        except NotAnsweredError as error:
            print(error, file=sys.stderr)
            line.send(id=case, error=str(error)[:_MOST_ERROR_CHARACTERS])
        else:
            line.send(id=case, ok=1)


def _answer(model: Any, source: str, target: str) -> None:
    with open(os.path.join(source, "requests.json"), encoding="utf-8") as stream:
        asked: Dict[str, Any] = json.load(stream)
    os.makedirs(target, exist_ok=True)
    answers = model.answer(asked, source, target)
    with open(os.path.join(target, "answer.json"), "w", encoding="utf-8") as stream:
        json.dump({"answers": answers}, stream)


def _stop(code: int, message: str) -> None:
    if message:
        print(message, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # The server goes with the container; waiting for its threads would be waiting for ever.
    os._exit(code)
