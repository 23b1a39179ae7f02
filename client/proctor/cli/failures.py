"""Exit codes, and how an error becomes one line, a hint and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum

from proctor.cli.environment import read_environment
from proctor.cli.output import plain


class Exit(IntEnum):
    """What the shell gets to know."""

    OK = 0
    FAILED = 1
    USAGE = 2
    AUTH = 3
    REJECTED = 4


class CommandError(Exception):
    """A command cannot do what was asked: what happened, and what to do next."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def guarded(command: Callable[[], object]) -> int:
    """Run ``command``; turn what it raises into words on standard error and an exit code.

    An error that nobody foresaw keeps its class name; its traceback shows under PROCTOR_DEBUG.
    """
    try:
        command()
    except SystemExit as end:
        return (
            end.code if isinstance(end.code, int) else Exit.OK if end.code is None else Exit.FAILED
        )
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return Exit.FAILED
    except BrokenPipeError:
        return Exit.FAILED
    except Exception as error:
        if read_environment().debug:
            raise
        failure = _explain(error)
        sys.stderr.write(f"Error: {plain(failure.message, lines=True)}\n")
        if failure.hint:
            sys.stderr.write(f"Hint: {plain(failure.hint, lines=True)}\n")
        return failure.code
    return Exit.OK


def _explain(error: Exception) -> CommandError:
    """Return the same failure as a message, a hint and an exit code."""
    from pydantic import ValidationError

    from proctor.client.errors import ApiError, ClientError
    from proctor.spec.outcomes import PlatformError, ProctorError

    match error:
        case CommandError():
            return error
        case ApiError():
            fields = "".join(f"\n  {_field(entry)}" for entry in error.problem.errors)
            return CommandError(error.message + fields, error.hint, _exit_of(error))
        case ClientError():
            return CommandError(error.message, error.hint)
        case PlatformError():
            # Raised here, not by a platform: nobody tries again but whoever typed the command.
            return CommandError(
                f"{error.outcome.message} {error.detail}".strip(),
                "This machine is at fault, not the model. Mend what is said above, then try again.",
            )
        case ProctorError():
            message = f"{error.outcome.message} {error.detail}".strip()
            return CommandError(message, error.outcome.hint)
        case ValidationError():
            fields = "".join(f"\n  {_field(dict(entry))}" for entry in error.errors())
            return CommandError(
                f"What was given is no valid {error.title}.{fields}",
                "Mend what the lines above name.",
                Exit.USAGE,
            )
        case ModuleNotFoundError() if not (error.name or "").startswith("proctor"):
            return CommandError(
                f"This command needs {error.name}, which is not installed.",
                "Install everything with `pip install 'proctor[all]'`.",
            )
        case OSError():
            return CommandError(str(error))
        case _ if hasattr(error, "message") and hasattr(error, "hint"):
            return CommandError(str(error.message), str(error.hint))
        case _:
            return CommandError(
                f"{type(error).__name__}: {error}", "PROCTOR_DEBUG=1 shows where it happened."
            )


def _exit_of(error: Exception) -> Exit:
    from proctor.client.errors import ApiError
    from proctor.spec.outcomes import Code

    if not isinstance(error, ApiError):
        return Exit.FAILED
    if error.problem.code in {Code.UNAUTHENTICATED, Code.FORBIDDEN}:
        return Exit.AUTH
    return Exit.REJECTED if 400 <= error.problem.status < 500 else Exit.FAILED


def _field(entry: dict[str, object]) -> str:
    location = entry.get("loc", entry.get("field", ""))
    path = ".".join(map(str, location)) if isinstance(location, list | tuple) else str(location)
    return f"{path}: {entry.get('msg', entry.get('message', ''))}"
