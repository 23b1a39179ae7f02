"""A whole platform for a measurement, started as ``proctor up`` starts it."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from proctor.cli.environment import read_environment
from proctor.cli.sandboxes import ready_sandbox
from proctor.cli.services.process_tree import ProcessTree
from proctor.cli.stack import RunningStack, StackPlan, running_stack
from proctor.client import Client
from proctor.spec.api import UserCreate


def quiet(_line: str) -> None:
    """Say nothing: the figures are the output."""


@contextmanager
def measured_stack() -> Generator[RunningStack]:
    """Give a fresh platform with one run slot, on Docker, without a dashboard."""
    with ExitStack() as parts:
        home = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="proctor-bench-")))
        tree = parts.enter_context(ProcessTree(home / "logs"))
        images = read_environment().cache / "images"
        sandbox = parts.enter_context(ready_sandbox(tree, "docker", images, quiet))
        plan = StackPlan(home / "state", 8300, 8801, run_slots=1, dashboard=False)
        yield parts.enter_context(running_stack(tree, plan, sandbox, quiet))


def new_token(stack: RunningStack, name: str) -> str:
    """Invite a user and return the token."""
    with Client(stack.api, stack.admin_token()) as admin:
        return admin.create_user(UserCreate(name=name)).secret
