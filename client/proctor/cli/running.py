"""`proctor up` and `proctor demo`: a whole platform that stays until it is stopped."""

from __future__ import annotations

import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from proctor.cli.environment import read_environment
from proctor.cli.output import say

SandboxOption = Annotated[
    str,
    typer.Option("--sandbox", help="auto is docker where it can be had, else process."),
]


def up(
    sandbox: SandboxOption = "auto",
    home: Annotated[
        Path | None, typer.Option("--home", help="State and secrets; PROCTOR_HOME by default.")
    ] = None,
    port: Annotated[int, typer.Option("--port", help="The API's port, or the next.")] = 8000,
    dashboard_port: Annotated[
        int, typer.Option("--dashboard-port", help="The dashboard's port, or the next.")
    ] = 8501,
    run_slots: Annotated[int, typer.Option("--run-slots", min=1, help="Runs at once.")] = 1,
) -> None:
    """Run a whole platform here: Redis, API, workers and dashboard. Ctrl-C ends it all."""
    from proctor.cli.sandboxes import ready_sandbox
    from proctor.cli.services.process_tree import ProcessTree
    from proctor.cli.stack import StackPlan, running_stack

    environment = read_environment()
    folder = (home or environment.home).resolve()
    plan = StackPlan(folder, port, dashboard_port, environment.redis_url, run_slots)
    stop_on_terminate()
    with ExitStack() as parts:
        tree = parts.enter_context(ProcessTree(folder / "logs"))
        ready = parts.enter_context(ready_sandbox(tree, sandbox, environment.cache / "images", say))
        stack = parts.enter_context(running_stack(tree, plan, ready, say))
        say(f"API          {stack.api}")
        say(f"Dashboard    {stack.dashboard}")
        say(f"Admin token  {stack.admin_token_file}")
        say("Ctrl-C ends it all.")
        with suppress(KeyboardInterrupt):
            while True:
                tree.wait(3600)
        ignore_signals()
        say("Stopping.")


def demo(
    sandbox: SandboxOption = "auto",
    home: Annotated[
        Path | None, typer.Option("--home", help="Keep its state here; else it is thrown away.")
    ] = None,
) -> None:
    """Show it all: both bundled challenges from submission to leaderboard and re-run."""
    from proctor.cli.demo import run_demo

    stop_on_terminate()
    raise typer.Exit(run_demo(sandbox, home, before_stop=ignore_signals))


def stop_on_terminate() -> None:
    """Let SIGTERM and SIGINT end a command as Ctrl-C does, so that it clears up after itself.

    A shell that starts a command in the background has it ignore SIGINT, so that is set too.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def ignore_signals() -> None:
    """Clear up to the end: a second signal must not leave half of it behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
