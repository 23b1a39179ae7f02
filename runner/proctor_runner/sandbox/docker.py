"""Runs a job in a container of its own under the settings of ``settings``.

The hard part is to say who ended the program. The deadline is our own clock; the end is learned
from the engine's answer to a request that is open for the whole run, so a daemon that goes away in
between is noticed and never blamed on the program. An exit status that a kill from outside would
leave too counts only when nobody outside killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Environment
from proctor_runner.sandbox import hardware
from proctor_runner.sandbox.container_end import KILLED_CODES, ContainerEnd, weigh
from proctor_runner.sandbox.containers import SlotContainers
from proctor_runner.sandbox.docker_program import DockerProgram
from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS, explain, ours
from proctor_runner.sandbox.interface import (
    Ending,
    Guard,
    NotStartedError,
    SandboxJob,
    SandboxResult,
    Session,
)
from proctor_runner.sandbox.leftovers import sweep, take_clean
from proctor_runner.sandbox.logs import sanitize
from proctor_runner.sandbox.memory_watch import KernelWitness, MemoryWatch
from proctor_runner.sandbox.output_area import OutputArea
from proctor_runner.sandbox.sentences import CANNOT_RUN_CODES, sentence
from proctor_runner.sandbox.session import ServingProgram, ServingSession
from proctor_runner.sandbox.slot_folder import SlotFolder, fill_input
from proctor_runner.sandbox.slots import Slots

_LOOK_EVERY_S = 0.02
_ASK_EVERY_S = 0.2
_MOST_LOG_LINES = 20_000
# What the engine's own first process says when the entrypoint cannot be run.
_INIT_FAILED = b"[FATAL tini"


class DockerSandbox:
    """Containers of the Docker Engine, or of a Podman that speaks its API.

    Args:
        client: Used for all calls; any number of sandboxes may share it.
        state: Inputs and output mounts live in ``state/sandbox``; the daemon must see it under the
            same absolute path.
        keeper_image: Id of a trusted image with python3; needed only where this process may not
            mount, or the daemon does not see what it mounts.
        mounts_itself: False to do all through the engine, by a keeper, even where this process
            may mount file systems and freeze containers.
        closes_client: True when nobody else uses ``client``.
        runtime: The runtime of the engine that models run under, such as ``runsc``; the engine's
            default if empty. Keepers, which are ours, always have the default.
    """

    name = "docker"
    enforces = frozenset(Guard)

    def __init__(
        self,
        client: docker.DockerClient,
        state: Path,
        slots: Slots,
        keeper_image: str = "",
        mounts_itself: bool = True,
        closes_client: bool = False,
        runtime: str = "",
    ) -> None:
        self._client = client
        self._api = client.api
        self._slots = slots
        self._closes_client = closes_client
        with ours("the daemon was asked for its properties"):
            self._info = self._api.info()
        self._runtime = _known_runtime(self._info, runtime)
        self._slot = take_clean(self._api, slots)
        self._folder = SlotFolder(state, self._slot.number)
        self._containers = SlotContainers(
            client,
            self._info,
            self._folder,
            slots,
            self._slot,
            keeper_image,
            mounts_itself,
            self._runtime,
        )
        try:
            self._folder.clear()
        except PlatformError:
            self._slot.release()
            raise

    @property
    def mounts_itself(self) -> bool:
        """Tell whether /output is a mount of this process's own and not a keeper's."""
        return self._containers.mounts_itself

    def describe(self, worker: str) -> Environment:
        """Return where runs are made: hardware, kernel, engine."""
        runtime = self._runtime or self._info.get("DefaultRuntime", "")
        commit = "" if self._runtime else self._info.get("RuncCommit", {}).get("ID", "")
        return hardware.environment(
            worker,
            self.name,
            engine=f"docker {self._info.get('ServerVersion', '')}",
            runtime=f"{runtime} {commit}".strip(),
        )

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Run ``job`` in a new container and remove it.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        job.require_gpus()
        try:
            input_folder, output_folder = self._folder.make("input", "output")
            fill_input(input_folder, job.documents, job.inputs)
            return self._run(job, cancelled, input_folder, output_folder)
        finally:
            self._folder.clear()

    def session(self) -> Session:
        """Return a session, whose program is a container that is paused between cases."""
        return ServingSession(self._start_serving)

    def sweep(self) -> None:
        """Remove the containers, volumes and mounts of dead workers.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        sweep(self._api, self._slots)

    def close(self) -> None:
        """Give the slot back."""
        self._slot.release()
        if self._closes_client:
            self._client.close()

    def _start_serving(self, job: SandboxJob) -> ServingProgram:
        job.require_gpus()
        try:
            return DockerProgram.start(self._api, self._containers, job)
        except NotStartedError as error:
            raise NotStartedError(self._containers.told(str(error), job)) from error

    def _run(
        self,
        job: SandboxJob,
        cancelled: Callable[[], bool],
        input_folder: Path,
        output_folder: Path,
    ) -> SandboxResult:
        try:
            container_id, output = self._containers.make(job, input_folder, output_folder)
        except NotStartedError as error:
            return self._not_started(job, str(error))
        try:
            try:
                return self._watch(job, cancelled, container_id, output)
            finally:
                self._containers.remove(container_id)
        except NotStartedError as error:
            return self._not_started(job, str(error))
        except ENGINE_ERRORS as error:
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"The Docker daemon failed while a container ran: {explain(error)}",
            ) from error
        finally:
            output.close()

    def _watch(
        self,
        job: SandboxJob,
        cancelled: Callable[[], bool],
        container_id: str,
        output: OutputArea,
    ) -> SandboxResult:
        witness = KernelWitness()
        try:
            self._containers.start(container_id)
            started = time.monotonic()
            end = ContainerEnd(self._api, container_id)
            memory = MemoryWatch(self._api, container_id, job.limits.memory_bytes)
            stopped_for = _stop_reason(job, cancelled, output, memory, end, started)
            seconds = time.monotonic() - started
            if stopped_for is not None:
                end.kill()
            job.ended()
            end.raise_if_daemon_went_away()
            state = self._api.inspect_container(container_id)["State"]
            collected, full = output.gather(job.outputs, job.destination)
            raw_log = self._api.logs(container_id, tail=_MOST_LOG_LINES)
            log = sanitize(raw_log, job.limits.log_bytes)
            out_of_memory = memory.was_out_of_memory(bool(state["OOMKilled"]), witness)
            ending = weigh(stopped_for, out_of_memory, full)
            exit_code = int(state["ExitCode"]) if stopped_for is None else None
            if ending is Ending.EXITED:
                if exit_code in CANNOT_RUN_CODES and raw_log.startswith(_INIT_FAILED):
                    return self._not_started(job, raw_log.decode(errors="replace").splitlines()[0])
                if exit_code in KILLED_CODES:
                    # The program may have asked for it, or somebody else did.
                    end.raise_if_killed_through_engine()
                    witness.raise_if_host_lacks_memory()
        finally:
            witness.close()
        return SandboxResult(
            ending=ending,
            exit_code=exit_code,
            seconds=seconds,
            peak_memory_bytes=memory.peak_bytes,
            log=log,
            outputs=collected.outputs,
            missing=tuple(collected.missing),
            problems=collected.problems,
            detail=sentence(ending, job),
        )

    def _not_started(self, job: SandboxJob, said: str) -> SandboxResult:
        told = self._containers.told(said, job)
        return SandboxResult(
            ending=Ending.START_FAILED,
            exit_code=None,
            seconds=0.0,
            peak_memory_bytes=None,
            log=sanitize(told.encode(), job.limits.log_bytes),
            missing=job.outputs,
            detail=sentence(Ending.START_FAILED, job, told),
        )


def _known_runtime(info: Mapping[str, Any], runtime: str) -> str:
    known = sorted(info.get("Runtimes") or ())
    if runtime and runtime not in known:
        raise PlatformError(
            Code.SANDBOX_FAILED,
            f"The Docker daemon has no runtime {runtime!r}, only {', '.join(known)}; name it in"
            " /etc/docker/daemon.json, or clear PROCTOR_SANDBOX_RUNTIME.",
        )
    return runtime


def _stop_reason(
    job: SandboxJob,
    cancelled: Callable[[], bool],
    output: OutputArea,
    memory: MemoryWatch,
    end: ContainerEnd,
    started: float,
) -> Ending | None:
    """Watch the container until it ends (None) or must be ended."""
    ask_at = started
    memory.look()
    while not end.wait(_LOOK_EVERY_S):
        memory.look()
        now = time.monotonic()
        if now - started >= job.timeout_s:
            return Ending.TIMEOUT
        if now >= ask_at:
            ask_at = now + _ASK_EVERY_S
            if output.is_full_now():
                return Ending.OUTPUT_LIMIT
            if cancelled():
                return Ending.CANCELLED
    return None
