"""A whole platform on this machine as one process tree: Redis, API, workers, dashboard.

Everything it keeps lies in one home folder; everything it starts ends with it. The processes find
each other by settings alone, as they would on many machines.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.services.endpoints import ENDPOINTS_FILE, free_port, write_endpoints

if TYPE_CHECKING:
    from proctor.cli.sandboxes import ReadySandbox
    from proctor.cli.services.process_tree import ProcessTree


_READY_S = 60.0


@dataclass(frozen=True)
class StackPlan:
    """What to start.

    Attributes:
        home: Folder of all state and secrets.
        redis_url: A Redis to use; one is started if none is given.
        run_slots: Runs at the same time.
    """

    home: Path
    api_port: int = 8000
    dashboard_port: int = 8501
    redis_url: str | None = None
    run_slots: int = 1
    dashboard: bool = True


@dataclass(frozen=True)
class RunningStack:
    """A platform that answers."""

    api: str
    dashboard: str | None
    admin_token_file: Path

    def admin_token(self) -> str:
        """Return the admin's token."""
        return self.admin_token_file.read_text().strip()


@contextmanager
def running_stack(
    tree: ProcessTree, plan: StackPlan, sandbox: ReadySandbox, say: Callable[[str], None]
) -> Generator[RunningStack]:
    """Start everything and give where it listens; ``tree`` stops it.

    Raises:
        ServiceError: Something does not start; the message has the end of its log.
    """
    from proctor.cli.services.redis_server import redis_server

    plan.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with redis_server(tree, plan.home, plan.redis_url) as redis_url:
        api = f"http://127.0.0.1:{free_port(plan.api_port)}"
        dashboard = f"http://127.0.0.1:{free_port(plan.dashboard_port)}" if plan.dashboard else None
        say("Starting the platform.")
        _start_platform(tree, plan.home, api, dashboard, redis_url)
        stack = RunningStack(api, dashboard, plan.home / "admin-token")
        say("Starting the workers.")
        _start_worker(tree, plan, api, sandbox, redis_url)
        if dashboard:
            say("Starting the dashboard.")
            _start_dashboard(tree, api, dashboard)
        write_endpoints(plan.home, {"api": api} | ({"dashboard": dashboard} if dashboard else {}))
        try:
            yield stack
        finally:
            (plan.home / ENDPOINTS_FILE).unlink(missing_ok=True)


def _start_platform(
    tree: ProcessTree, home: Path, api: str, dashboard: str | None, redis_url: str
) -> None:
    tree.start(
        "platform",
        [sys.executable, "-m", "proctor_platform"],
        environment={
            "PROCTOR_HOME": str(home),
            "PROCTOR_HOST": "127.0.0.1",
            "PROCTOR_PORT": api.rpartition(":")[2],
            "PROCTOR_PUBLIC_URL": api,
            "PROCTOR_DASHBOARD_URL": dashboard or "",
            "PROCTOR_REDIS_URL": redis_url,
        },
        ready=lambda: _answers(f"{api}/healthz"),
        ready_limit_s=_READY_S,
    )


def _start_worker(
    tree: ProcessTree, plan: StackPlan, api: str, sandbox: ReadySandbox, redis_url: str
) -> None:
    tree.start(
        "worker",
        [sys.executable, "-m", "proctor.cli", "worker"],
        environment={
            "PROCTOR_PLATFORM_URL": api,
            "PROCTOR_REDIS_URL": redis_url,
            "PROCTOR_RUN_TOKEN_FILE": str(plan.home / "worker-run-token"),
            "PROCTOR_SCORE_TOKEN_FILE": str(plan.home / "worker-score-token"),
            "PROCTOR_WORKER_STATE": str(plan.home / "worker"),
            "PROCTOR_SANDBOX": sandbox.name,
            "PROCTOR_DECODE_IMAGE": sandbox.decode_image,
            "PROCTOR_RUN_SLOTS": str(plan.run_slots),
        },
        grace_s=40,
    )


def _start_dashboard(tree: ProcessTree, api: str, dashboard: str) -> None:
    port = dashboard.rpartition(":")[2]
    tree.start(
        "dashboard",
        [sys.executable, "-m", "proctor_dashboard", "--api", api, "--port", port],
        ready=lambda: _answers(f"{dashboard}/_stcore/health"),
        ready_limit_s=_READY_S,
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        # A degraded platform answers as well, and says why.
        with suppress(ValueError, AttributeError):
            return "status" in json.loads(error.read())
        return False
    except (OSError, ValueError):
        return False
