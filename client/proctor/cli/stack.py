"""A whole platform on this machine as one process tree: Redis, API, workers, dashboard.

Everything it keeps lies in one home folder; everything it starts ends with it. The processes find
each other by settings alone, as they would on many machines.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.services.endpoints import ENDPOINTS_FILE, free_port, write_endpoints
from proctor.cli.services.errors import ServiceError

if TYPE_CHECKING:
    from proctor.cli.sandboxes import ReadySandbox
    from proctor.cli.services.process_tree import ProcessTree


_READY_S = 180.0
_PORTS_TRIED = 5


@dataclass(frozen=True)
class StackPlan:
    """What to start.

    Attributes:
        home: Folder of all state and secrets.
        redis_url: A Redis to use; one is started if none is given.
        run_slots: Runs at the same time.
        host_slots: Hosted models at the same time.
    """

    home: Path
    api_port: int = 8000
    dashboard_port: int = 8501
    redis_url: str | None = None
    run_slots: int = 1
    host_slots: int = 2
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
    token_file = plan.home / "admin-token"
    (plan.home / ENDPOINTS_FILE).unlink(missing_ok=True)
    with redis_server(tree, plan.home, plan.redis_url) as redis_url:
        say("Starting the platform.")
        api = on_a_free_port(plan.api_port, lambda api: _start_platform(tree, plan, api, redis_url))
        say("Starting the workers.")
        _start_worker(tree, plan, api, sandbox, redis_url)
        dashboard = None
        if plan.dashboard:
            say("Starting the dashboard.")
            dashboard = on_a_free_port(
                plan.dashboard_port, lambda address: _start_dashboard(tree, api, address)
            )
        write_endpoints(plan.home, {"api": api} | ({"dashboard": dashboard} if dashboard else {}))
        try:
            yield RunningStack(api, dashboard, token_file)
        finally:
            (plan.home / ENDPOINTS_FILE).unlink(missing_ok=True)


def on_a_free_port(preferred: int, start: Callable[[str], None]) -> str:
    """Start a server and return its address; a port that is lost to another is given up."""
    port = preferred
    for _ in range(_PORTS_TRIED):
        port = free_port(port)
        address = f"http://127.0.0.1:{port}"
        try:
            start(address)
        except ServiceError:
            if free_port(port) == port:
                raise
            continue
        return address
    raise ServiceError(
        f"The ports from {preferred} on are taken as fast as they are found.",
        "Name others with --port and --dashboard-port.",
    )


def _start_platform(tree: ProcessTree, plan: StackPlan, api: str, redis_url: str) -> None:
    pages = f"http://127.0.0.1:{free_port(plan.dashboard_port)}" if plan.dashboard else ""
    tree.start(
        "platform",
        [sys.executable, "-m", "proctor_platform"],
        environment={
            "PROCTOR_HOME": str(plan.home),
            "PROCTOR_LISTEN_HOST": "127.0.0.1",
            "PROCTOR_LISTEN_PORT": api.rpartition(":")[2],
            "PROCTOR_DASHBOARD_URL": pages,
            "PROCTOR_REDIS_URL": redis_url,
        },
        ready=lambda: answers(f"{api}/api/v1/me", plan.home / "admin-token"),
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
            "PROCTOR_HOST_TOKEN_FILE": str(plan.home / "worker-host-token"),
            "PROCTOR_ROLES": "run,score,host",
            "PROCTOR_WORKER_STATE": str(plan.home / "worker"),
            "PROCTOR_SANDBOX": sandbox.name,
            "PROCTOR_DECODE_IMAGE": sandbox.decode_image,
            "PROCTOR_RUN_SLOTS": str(plan.run_slots),
            "PROCTOR_HOST_SLOTS": str(plan.host_slots),
            # Whoever gets the process sandbox here was told in loud words what that means.
            "PROCTOR_ACCEPT_UNENFORCED_LIMITS": str(sandbox.name == "process"),
        },
        grace_s=40,
    )


def _start_dashboard(tree: ProcessTree, api: str, dashboard: str) -> None:
    port = dashboard.rpartition(":")[2]
    tree.start(
        "dashboard",
        [sys.executable, "-m", "proctor_dashboard", "--api", api, "--port", port],
        ready=lambda: answers(f"{dashboard}/_stcore/health"),
        ready_limit_s=_READY_S,
    )
    # Were it another's server that answers there, ours would have ended for want of the port.
    tree.check()


def answers(url: str, token_file: Path | None = None) -> bool:
    """Tell whether a server answers, and with a token, whether it is ours."""
    try:
        headers = (
            {"Authorization": f"Bearer {token_file.read_text().strip()}"} if token_file else {}
        )
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, ValueError):
        return False
