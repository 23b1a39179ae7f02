"""The `proctor` command: the composition root, the only place that knows every other package.

`main` is all that is loaded at first; a command imports what it needs when it runs, so that
`proctor --help` answers at once and a participant needs none of the server's libraries.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Returns:
        0 it worked, 1 it failed, 2 wrong usage, 3 not logged in or not allowed, 4 rejected.
    """
    from proctor.cli.app import app
    from proctor.cli.failures import guarded

    return guarded(lambda: app(args=None if arguments is None else list(arguments)))
