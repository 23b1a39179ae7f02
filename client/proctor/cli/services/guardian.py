"""A small parent for one child process: when Proctor goes, the child and its children go too.

Run as a script, with the standard library only: `guardian.py PARENT_PID GRACE_S COMMAND...`. The
hard part is a parent that is killed with -9 and can clean up nothing. The kernel then signals this
process (PR_SET_PDEATHSIG), which asks the child to end, waits, and kills what is left.
Grandchildren that lost their parent are handed to this process (PR_SET_CHILD_SUBREAPER), so that
none can leave the tree by daemonizing.
"""

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_COMMAND_NOT_FOUND = 127


def main(arguments: list[str]) -> int:
    """Run one command, pass SIGTERM on, leave nothing behind; return the command's exit status."""
    parent_id, grace_s, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _set_process_option(_PR_SET_CHILD_SUBREAPER, 1)
    _set_process_option(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_id:
        return 0
    child_id = os.fork()
    if child_id == 0:
        _become(command)

    def ask_child_to_end(_signal: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child_id, signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, grace_s)

    def kill_everything(_signal: int, _frame: FrameType | None) -> None:
        _kill_descendants()

    signal.signal(signal.SIGTERM, ask_child_to_end)
    signal.signal(signal.SIGALRM, kill_everything)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    status = _reap_until(child_id)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    while _kill_descendants():
        _reap_until(None)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(command: list[str]) -> None:
    # Should this guardian itself be killed with -9, its child at least does not stay.
    _set_process_option(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(_COMMAND_NOT_FOUND)


def _reap_until(child_id: int | None) -> int:
    """Wait for children; return the status of the one named, or 0 once no child is left."""
    while True:
        try:
            ended_id, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return 0
        if ended_id == child_id:
            return status


def _kill_descendants() -> bool:
    """Kill all processes below this one; return whether there was any."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (parent_id := _parent_of(int(name))) is not None:
            children.setdefault(parent_id, []).append(int(name))
    waiting, found = [os.getpid()], False
    while waiting:
        for process_id in children.get(waiting.pop(), []):
            waiting.append(process_id)
            found = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
    return found


def _parent_of(process_id: int) -> int | None:
    try:
        with open(f"/proc/{process_id}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _set_process_option(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
