"""Speaks what PROCTOR_PROTOCOL names: `case`, `serve` (see `serve`), `rest` or `describe`.

`case`: start, answer the one case in the input folder, exit.
`rest`: a service over HTTP, for whoever gives the container a port (see `rest.starting`).
`describe`: load the model, write what it is made of to the output folder, exit.

Exit codes: 0 answered; 1 the model failed on this case; 2 wrong use; 3 the model cannot start
(its folder is broken); 4 the case cannot be read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from . import failures
from .case import CaseError
from .engine import Engine, ModelError, ModelFolderError
from .serve import Line, ProtocolError, answer, serve

ANSWERED, MODEL_FAILED, WRONG_USE, MODEL_BROKEN, CASE_UNREADABLE = range(5)


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run one protocol to its end and return the exit code."""
    protocol = environment.get("PROCTOR_PROTOCOL") or "case"
    if arguments or protocol not in ("case", "serve", "rest", "describe"):
        what = f"argument {arguments[0]!r}" if arguments else f"PROCTOR_PROTOCOL={protocol!r}"
        speaks = "case, serve, rest and describe"
        return _stop(WRONG_USE, f"proctor.template speaks {speaks}, not {what}.")
    model = Path(environment.get("PROCTOR_MODEL") or "/model")
    input_folder = Path(environment.get("PROCTOR_INPUT") or "/input")
    output_folder = Path(environment.get("PROCTOR_OUTPUT") or "/output")
    text = environment.get("PROCTOR_SEED", "")
    try:
        seed = int(text) if text else None
    except ValueError:
        return _stop(WRONG_USE, f"PROCTOR_SEED={text!r} is not a whole number.")

    # A model folder is compared by digest; a stray __pycache__ would change it.
    sys.dont_write_bytecode = True
    try:
        if protocol == "serve":
            serve(Line.keep(), model, input_folder, output_folder, seed)
        elif protocol == "rest":
            return _rest(model, environment, seed or 0)
        elif protocol == "describe":
            # It is rarely asked for, and cases do not wait for its import.
            from .describe.document import describe

            describe(model, output_folder, seed or 0)
        else:
            answer(Engine.start(model, seed or 0), input_folder, output_folder, seed)
    except ModelError as error:
        failures.show(error, model)
        broken = isinstance(error, ModelFolderError)
        return _stop(MODEL_BROKEN if broken else MODEL_FAILED, str(error))
    except CaseError as error:
        return _stop(CASE_UNREADABLE, str(error))
    except ProtocolError as error:
        return _stop(WRONG_USE, str(error))
    return ANSWERED


def _rest(model: Path, environment: Mapping[str, str], seed: int) -> int:
    from .rest.starting import rest

    address = environment.get("PROCTOR_REST_ADDRESS", "")
    try:
        rest(model, environment, seed)
    except (OSError, ValueError, OverflowError) as error:
        return _stop(WRONG_USE, f"PROCTOR_REST_ADDRESS={address!r} cannot be had: {error}.")
    return ANSWERED


def _stop(code: int, message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
