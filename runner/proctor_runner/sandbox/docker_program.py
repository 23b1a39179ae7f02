"""A serving program in a container: attached to its streams, paused while nothing is asked."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import docker

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.attached import STDERR, Attached
from proctor_runner.sandbox.container_end import KILLED_CODES, ContainerEnd, weigh
from proctor_runner.sandbox.containers import Made, SlotContainers
from proctor_runner.sandbox.conversation import Conversation
from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS, explain, ours
from proctor_runner.sandbox.interface import Ending, Inside, SandboxJob
from proctor_runner.sandbox.memory_watch import KernelWitness, MemoryWatch
from proctor_runner.sandbox.session import Harvest, ProgramEnd
from proctor_runner.sandbox.slot_folder import CaseSlot
from proctor_runner.sandbox.standstill import Standstill

_ASK_EVERY_S = 0.2
_HEARD_WITHIN_S = 5.0


class DockerProgram:
    """One container that serves; make it with ``start``."""

    def __init__(
        self,
        api: docker.APIClient,
        containers: SlotContainers,
        made: Made,
        inputs: CaseSlot,
        job: SandboxJob,
    ) -> None:
        self._api = api
        self._containers = containers
        self._container_id, self._output = made
        self._inputs = inputs
        self._conversation = Conversation(job.limits.log_bytes)
        self._witness = KernelWitness()
        self._is_gone = False
        self._ask_at = 0.0
        self._stream = Attached.to_container(api, self._container_id)
        self._listener = threading.Thread(target=self._listen, name="conversation", daemon=True)
        self._listener.start()
        containers.start(self._container_id)
        self._end = ContainerEnd(api, self._container_id)
        self._standstill = Standstill(
            api, self._container_id, self._end, by_kernel=containers.mounts_itself
        )
        self._memory = MemoryWatch(api, self._container_id, job.limits.memory_bytes)
        self._memory.look()

    @classmethod
    def start(
        cls, api: docker.APIClient, containers: SlotContainers, job: SandboxJob
    ) -> DockerProgram:
        """Start the container of ``job``.

        Raises:
            NotStartedError: its image does not allow it.
            PlatformError: SANDBOX_FAILED.
        """
        input_folder, output_folder = containers.folder.make("input", "output")
        made: Made | None = None
        try:
            made = containers.make(job, input_folder, output_folder, interactive=True)
            return cls(api, containers, made, CaseSlot(input_folder), job)
        except BaseException as error:
            try:
                if made is not None:
                    containers.remove(made.container_id)
            finally:
                if made is not None:
                    made.output.close()
                containers.folder.clear()
            if isinstance(error, ENGINE_ERRORS):
                raise PlatformError(
                    Code.SANDBOX_FAILED,
                    f"The Docker daemon failed while a container was started: {explain(error)}",
                ) from error
            raise

    @property
    def conversation(self) -> Conversation:
        """What it says."""
        return self._conversation

    @property
    def peak_memory_bytes(self) -> int | None:
        """Return the highest memory use since it was started."""
        return self._memory.peak_bytes

    def ask(self, job: SandboxJob) -> float:
        """Put the case into /input, resume the container and ask; return when."""
        self._witness.close()
        self._witness = KernelWitness()
        self._inputs.fill(job.part, job.documents, job.inputs)
        line = self._conversation.ask(job.part)
        self._standstill.finish()
        asked = time.monotonic()
        # Nobody reads: that it has ended is seen from outside, that it never answers by the clock.
        with suppress(OSError):
            self._stream.send(line)
        return asked

    def look(self) -> Ending | None:
        """Look at memory and, less often, at the output."""
        self._memory.look()
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + _ASK_EVERY_S
            if self._output.is_full_now():
                return Ending.OUTPUT_LIMIT
        return None

    def has_ended(self) -> bool:
        """Ask whoever waits for the end."""
        if not self._end.wait(0):
            return False
        self._listener.join(_HEARD_WITHIN_S)
        return True

    def harvest(self, job: SandboxJob) -> Harvest:
        """Bring the container to a standstill and take what it left."""
        self._standstill.begin()
        self._memory.look()
        collected, full = self._output.gather(job.outputs, job.destination, job.part)
        is_clean = self._output.empty()
        self._inputs.empty()
        ending = weigh(None, self._memory.was_out_of_memory(False, self._witness), full)
        return Harvest(collected, None if ending is Ending.EXITED else ending, is_clean)

    def rest(self) -> None:
        """Bring the container to a standstill."""
        self._standstill.begin()

    def rouse(self) -> None:
        """Resume the container."""
        self._standstill.finish()

    def inside(self) -> Inside:
        """Name the container; commands in it have its environment."""
        return Inside(self._container_id, {})

    def end(self, stopped_for: Ending | None) -> ProgramEnd:
        """Kill the container unless it has ended, and weigh what is known."""
        with ours("the end of a container was looked at"):
            if stopped_for is not None:
                self._end.kill()
            self._end.raise_if_daemon_went_away()
            self._listener.join(_HEARD_WITHIN_S)
            state = self._api.inspect_container(self._container_id)["State"]
            _, full = self._output.gather((), Path())
            out_of_memory = self._memory.was_out_of_memory(bool(state["OOMKilled"]), self._witness)
            ending = weigh(stopped_for, out_of_memory, full)
            if ending is not Ending.EXITED:
                return ProgramEnd(ending, None)
            exit_code = int(state["ExitCode"])
            if exit_code in KILLED_CODES:
                self._end.raise_if_killed_through_engine()
                self._witness.raise_if_host_lacks_memory()
            return ProgramEnd(ending, exit_code)

    def discard(self) -> None:
        """Remove container, output area and inputs."""
        if self._is_gone:
            return
        self._is_gone = True
        self._witness.close()
        try:
            self._containers.remove(self._container_id)
        finally:
            # What was printed last is still on its way; the stream ends with the container.
            self._listener.join(_HEARD_WITHIN_S)
            self._stream.close()
            self._listener.join(_HEARD_WITHIN_S)
            self._conversation.end()
            self._output.close()
            self._containers.folder.clear()

    def _listen(self) -> None:
        with suppress(OSError):
            while (piece := self._stream.read()) is not None:
                if piece.stream == STDERR:
                    self._conversation.print(piece.data)
                else:
                    self._conversation.hear(piece.data)
