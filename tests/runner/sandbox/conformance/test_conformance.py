"""The one list of behaviors that every sandbox must show, or say that it does not."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from proctor.spec.outcomes import PlatformError
from proctor_runner.sandbox.interface import Ending, Guard

MIB = 1 << 20


def test_a_good_model_is_run_and_its_output_collected(output_bench, tmp_path: Path) -> None:
    scan = tmp_path / "a-name-that-tells.txt"
    scan.write_text("the input")
    scan.chmod(0o600)

    result = output_bench.run(
        """
        print("hello")
        print("to stderr", file=sys.stderr)
        facts = [[n, os.stat(INPUT + n).st_mode & 0o777, os.stat(INPUT + n).st_mtime]
                 for n in sorted(os.listdir(INPUT))]
        text = open(INPUT + "t1.txt").read()
        json.dump([facts, text, os.environ["PROCTOR_SEED"]], open(OUTPUT + "answer.json", "w"))
        """,
        ("answer.json", "other.json"),
        inputs={"t1.txt": scan},
    )

    assert (result.ending, result.exit_code, result.detail) == (Ending.EXITED, 0, "")
    assert result.missing == ("other.json",)
    assert result.problems == {}
    assert set(result.outputs) == {"answer.json"}
    assert result.outputs["answer.json"].read_text() == (
        '[[["case.json", 292, 946684800.0], ["t1.txt", 292, 946684800.0]], "the input", "0"]'
    )
    assert sorted(result.log.decode().split("\n")) == ["", "hello", "to stderr"]
    assert 0 < result.seconds < 60
    assert result.peak_memory_bytes is None or result.peak_memory_bytes > MIB


def test_the_exit_status_is_told(bench) -> None:
    result = bench.run("os._exit(3)", ("answer.json",))

    assert (result.ending, result.exit_code) == (Ending.EXITED, 3)
    assert result.missing == ("answer.json",)


def test_a_program_past_its_time_is_killed_with_all_it_started(output_bench) -> None:
    output_bench.require(Guard.WALL_CLOCK)
    result = output_bench.run(
        """
        import signal, subprocess, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                time.sleep(90)
            os._exit(0)
        open(OUTPUT + "partial.txt", "w").write("so far")
        print("waiting", flush=True)
        time.sleep(90)
        """,
        ("partial.txt",),
        timeout_s=8.0,
    )

    assert (result.ending, result.exit_code) == (Ending.TIMEOUT, None)
    assert result.detail == "It was stopped after 8 s."
    assert 8.0 <= result.seconds < 60
    assert result.log == b"waiting\n"
    assert set(result.outputs) == {"partial.txt"}


def test_more_memory_than_allowed_is_called_by_its_name(bench) -> None:
    bench.require(Guard.MEMORY)
    result = bench.run(
        """
        import time
        hoard = []
        for _ in range(64):
            hoard.append(b"x" * (8 << 20))
            time.sleep(0.005)
        time.sleep(90)
        """
    )

    assert result.ending is Ending.OUT_OF_MEMORY
    assert result.peak_memory_bytes >= 160 * MIB
    assert "160 MiB" in result.detail


def test_a_child_killed_for_memory_counts_even_if_its_parent_exits_with_0(bench) -> None:
    bench.require(Guard.MEMORY)
    result = bench.run(
        """
        import time
        child = os.fork()
        if child == 0:
            hoard = []
            for _ in range(64):
                hoard.append(b"x" * (8 << 20))
                time.sleep(0.005)
            time.sleep(90)
            os._exit(0)
        os.waitpid(child, 0)
        os._exit(0)
        """
    )

    assert result.ending is Ending.OUT_OF_MEMORY


def test_a_flood_of_output_bytes_is_stopped(output_bench) -> None:
    output_bench.require(Guard.OUTPUT_BYTES)
    result = output_bench.run(
        """
        for number in range(8):
            with open(OUTPUT + f"{number}.bin", "wb") as stream:
                stream.write(bytes(1 << 20))
        """,
        ("0.bin",),
    )

    assert result.ending is Ending.OUTPUT_LIMIT
    assert "2097152 bytes" in result.detail


def test_output_up_to_the_limit_is_fine(output_bench) -> None:
    result = output_bench.run(
        """
        for number in range(2):
            with open(OUTPUT + f"{number}.bin", "wb") as stream:
                stream.write(bytes(1 << 20))
        for number in range(14):
            open(OUTPUT + f"empty-{number}", "w").close()
        """,
        ("0.bin", "1.bin"),
    )

    assert (result.ending, result.exit_code) == (Ending.EXITED, 0), result.log
    assert [path.stat().st_size for path in result.outputs.values()] == [MIB, MIB]


def test_a_flood_of_output_files_is_stopped(output_bench) -> None:
    output_bench.require(Guard.OUTPUT_FILES)
    result = output_bench.run(
        """
        for number in range(200):
            open(OUTPUT + str(number), "w").close()
        """
    )

    assert result.ending is Ending.OUTPUT_LIMIT


def test_a_flood_of_log_is_cut_to_its_end_and_made_harmless(bench) -> None:
    bench.require(Guard.LOG_BYTES)
    result = bench.run(
        r"""
        for _ in range(300):
            sys.stdout.write("x" * 4096 + "\n")
        sys.stdout.write("\x1b[2J\x1b]0;title\x07\x00\u202e")
        sys.stdout.flush()
        os.write(1, b"\xff\xfe the end\n")
        """
    )

    assert result.ending is Ending.EXITED
    assert len(result.log) <= 8192
    assert result.log.startswith(b"[earlier output left out]\n")
    text = result.log.decode()
    assert text.endswith("x\n\ufffd\ufffd the end\n")
    assert not any(ord(character) < 32 and character != "\n" for character in text)


def test_only_plain_files_are_collected(output_bench) -> None:
    output_bench.require(Guard.PLAIN_OUTPUTS)
    result = output_bench.run(
        """
        import socket
        os.symlink("/etc/passwd", OUTPUT + "link")
        os.mkfifo(OUTPUT + "pipe")
        os.mkdir(OUTPUT + "folder")
        open(OUTPUT + "first", "w").write("x")
        os.link(OUTPUT + "first", OUTPUT + "second")
        with open(OUTPUT + "sparse", "wb") as stream:
            stream.truncate(3 << 20)
        socket.socket(socket.AF_UNIX).bind(OUTPUT + "socket")
        open(OUTPUT + "good", "w").write("good")
        open(OUTPUT + "undeclared", "w").write("nobody asks")
        """,
        ("link", "pipe", "folder", "first", "second", "sparse", "socket", "good", "absent"),
    )

    assert result.problems == {
        "link": "is a symbolic link",
        "pipe": "is a named pipe",
        "folder": "is a folder",
        "first": "has a second name (a hard link)",
        "second": "has a second name (a hard link)",
        "sparse": "has 3145728 bytes; 2097152 are allowed",
        "socket": "is a socket",
    }
    assert result.missing == ("absent",)
    assert set(result.outputs) == {"good"}
    collected = result.outputs["good"]
    assert {path.name for path in collected.parent.iterdir()} == {"good"}
    assert stat.S_ISREG(collected.lstat().st_mode)


def test_a_fork_bomb_meets_the_limit_of_processes(bench) -> None:
    bench.require(Guard.PROCESSES)
    result = bench.run(
        """
        import time
        count = 0
        try:
            for _ in range(200):
                if os.fork() == 0:
                    time.sleep(10)
                    os._exit(0)
                count += 1
        except BlockingIOError:
            pass
        open(OUTPUT + "count", "w").write(str(count))
        os._exit(0)
        """,
        ("count",),
    )

    assert result.ending is Ending.EXITED
    assert 20 < int(result.outputs["count"].read_text()) < 48


def test_what_honest_models_need_works(bench) -> None:
    bench.require(Guard.SYSTEM_CALLS)
    result = bench.run(
        """
        import multiprocessing, subprocess, tempfile, threading
        import numpy
        from sklearn.svm import SVC
        numbers = numpy.random.default_rng(0).normal(size=(60, 4))
        SVC().fit(numbers, numbers[:, 0] > 0).predict(numbers)
        numbers @ numbers.T
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
        with multiprocessing.Lock():
            pass
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
        assert subprocess.run(["/bin/echo", "x"], capture_output=True).stdout == b"x\\n"
        tempfile.TemporaryFile().write(b"x")
        """,
        timeout_s=120,
    )

    assert (result.ending, result.exit_code) == (Ending.EXITED, 0), result.log.decode()


def test_a_cancelled_program_is_killed(bench) -> None:
    running = threading.Event()

    def cancelled() -> bool:
        # Says no the first time: the program must have started.
        return running.is_set() or bool(running.set())

    result = bench.run("import time; time.sleep(90)", cancelled=cancelled)

    assert (result.ending, result.exit_code) == (Ending.CANCELLED, None)


def test_an_error_of_the_callers_leaves_nothing_behind(bench) -> None:
    def cancelled() -> bool:
        raise InterruptedError("the lease is lost")

    with pytest.raises((InterruptedError, PlatformError)):
        bench.run("import time; time.sleep(90)", cancelled=cancelled)

    assert bench.run("os._exit(0)").exit_code == 0


def test_inputs_are_the_same_whatever_the_umask(bench, tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    scan.write_text("x")
    before = os.umask(0o077)
    try:
        result = bench.run("open(INPUT + 'scan').read()", inputs={"scan": scan})
    finally:
        os.umask(before)

    assert result.exit_code == 0, result.log.decode()


def test_the_process_sandbox_says_what_it_does_not_enforce(bench) -> None:
    missing = frozenset(Guard) - bench.sandbox.enforces
    if bench.sandbox.name == "docker":
        assert missing == frozenset()
        return
    assert missing == {
        Guard.PROCESSES,
        Guard.NO_NETWORK,
        Guard.READ_ONLY_WORLD,
        Guard.NO_PRIVILEGES,
        Guard.SYSTEM_CALLS,
        Guard.OWN_VIEW,
    }
    result = bench.run(
        """
        open(OUTPUT + "../../outside", "w").close()
        json.dump(os.listdir("/sys/class/net"), open(OUTPUT + "net", "w"))
        """,
        ("net",),
    )
    assert result.exit_code == 0
    assert result.outputs["net"].read_text() == str(os.listdir("/sys/class/net")).replace("'", '"')


def test_outputs_in_folders_are_collected_and_no_link_on_the_way_is_followed(output_bench) -> None:
    result = output_bench.run(
        """
        for name in ("images/seg", "images/two", "elsewhere"):
            os.makedirs(OUTPUT + name)
        open(OUTPUT + "images/seg/of-its-own-choice.mha", "w").write("mask")
        open(OUTPUT + "images/two/a", "w").write("a")
        open(OUTPUT + "images/two/b", "w").write("b")
        open(OUTPUT + "elsewhere/secret", "w").write("secret")
        os.symlink(OUTPUT + "elsewhere", OUTPUT + "images/link")
        open(OUTPUT + "plain", "w").write("plain")
        """,
        (
            "images/seg/*",
            "images/two/*",
            "images/link/secret",
            "plain/x",
            "images/none/*",
            "gone/x",
        ),
    )

    assert {name: path.read_text() for name, path in result.outputs.items()} == {
        "images/seg/*": "mask"
    }
    assert set(result.missing) == {"images/none/*", "gone/x"}
    assert result.problems["images/two/*"] == "is not exactly one file"
    assert result.problems["plain/x"] == "lies below something that is no folder"
    assert result.problems["images/link/secret"] == "lies below something that is no folder"


def test_inputs_lie_in_folders_that_tell_nothing(output_bench, tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    scan.write_text("the input")
    result = output_bench.run(
        """
        facts = [[os.path.relpath(place, INPUT), os.stat(place).st_mode & 0o777,
                  os.stat(place).st_mtime]
                 for place, _, _ in sorted(os.walk(INPUT))]
        json.dump([facts, open(INPUT + "images/t1/t1.mha").read()], open(OUTPUT + "a.json", "w"))
        """,
        ("a.json",),
        inputs={"images/t1/t1.mha": scan},
    )

    assert result.outputs["a.json"].read_text() == (
        '[[[".", 493, 946684800.0], ["images", 493, 946684800.0],'
        ' ["images/t1", 493, 946684800.0]], "the input"]'
    )
