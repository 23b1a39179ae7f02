"""Servers for those who want one, gone at the end; and the table of threats after the tests."""

from __future__ import annotations

import gc
import itertools
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck
from hypothesis import settings as trying
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import Engine, create_engine, make_url

from proctor.cli.services.endpoints import spare_port
from proctor.cli.services.postgresql import PostgresqlServer, postgresql_server, programs_folder
from proctor.cli.services.process_tree import ProcessTree

_PATIENCE_S = 120
_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# The same examples in every run, however busy the machine is.
trying.register_profile(
    "proctor",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
trying.load_profile("proctor")
# Hypothesis would draw the constants of every module of ours that happens to be loaded by then, so
# examples would depend on which tests ran before in the same process. It has no setting for that.
assert callable(providers._get_local_constants)
providers._get_local_constants = Constants


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """End the id of a test with its group, where the scheduler looks for it.

    xdist 3.8 writes it to what pytest 9.2 no longer reads; each process would start anew what the
    tests of a group share.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({mark.args[0] for mark in item.iter_markers("xdist_group")})
        if groups and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = type(item.id).parse(f"{item.nodeid}@{'_'.join(groups)}")


def pytest_collection_finish() -> None:
    """Spare the garbage collector the modules and tests: millions of objects, and all stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 10)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A server of this process's own."""
    if programs_folder() is None:
        pytest.skip("PostgreSQL is not installed; `apt-get install postgresql` brings it")
    logs = tmp_path_factory.mktemp("postgresql")
    with ProcessTree(logs) as tree, postgresql_server(tree) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    assert program is not None, "install chromium: apt-get install chromium"
    expect.set_options(timeout=_PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=_BROWSER_FLAGS)
        yield running
        running.close()


@dataclass(frozen=True)
class Databases:
    """The databases of the server."""

    server: PostgresqlServer
    engine: Engine
    numbers: Iterator[int]

    def make(self, template: str = "template1") -> str:
        """Make a database like another one and return its URL."""
        name = f"proctor_{next(self.numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.server.url(name)

    def drop(self, url: str) -> None:
        """End a database, whoever is still connected."""
        self._do(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def databases(postgresql: PostgresqlServer) -> Iterator[Databases]:
    """Make and drop databases of the server."""
    engine = create_engine(postgresql.url("postgres"), isolation_level="AUTOCOMMIT")
    yield Databases(postgresql, engine, itertools.count(1))
    engine.dispose()


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry of this process's own: Debian's docker-registry."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("`apt-get install docker-registry` brings a registry")
    folder = tmp_path_factory.mktemp("registry")
    host = f"127.0.0.1:{spare_port()}"
    settings = folder / "config.yml"
    settings.write_text(
        f"version: 0.1\nhttp: {{addr: '{host}'}}\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(settings)], stdout=log, stderr=log)
    try:
        end = time.monotonic() + _PATIENCE_S
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://{host}/v2/"):
                break
            running = process.poll() is None
            assert running, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)
        yield host
    finally:
        process.terminate()
        process.wait()


_THREATS = Path(__file__).parent / "runner" / "attacks" / "threats.yaml"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of threats when attacks were among the tests, whichever process ran them."""
    outcomes: dict[str, set[str]] = {}
    measured: dict[str, str] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            # A parameter and a group of tests stand behind the name.
            test = report.nodeid.partition("[")[0].partition("@")[0]
            outcomes.setdefault(test, set()).add(outcome)
            said = [
                text for name, text in getattr(report, "user_properties", ()) if name == "measured"
            ]
            if said:
                measured[test] = str(said[-1])
    if not any("tests/runner/attacks/" in test for test in outcomes):
        return
    terminalreporter.section("threats")
    head = f"{'row':11}  {'threat':50}  {'contained by':44}  measured"
    terminalreporter.write_line(head)
    for threat in yaml.safe_load(_THREATS.read_text()):
        tests = [f"tests/runner/{test}".replace("runner/../", "") for test in threat["held_by"]]
        ends = set().union(*(outcomes.get(test, set()) for test in tests))
        held = "BROKEN" if ends & {"failed", "error"} else "held" if "passed" in ends else "not run"
        said = "; ".join(measured[test] for test in tests if test in measured)
        line = f"{threat['row']:2}  {held:7}  {threat['threat']:50}  {threat['contained_by']:44}"
        terminalreporter.write_line(f"{line}  {said}".rstrip())
