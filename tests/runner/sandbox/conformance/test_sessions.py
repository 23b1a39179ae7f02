"""What every sandbox promises of a program that is started once and asked case by case."""

from __future__ import annotations

import itertools
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from proctor.spec.limits import MIB, Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import PlatformError
from proctor_runner.sandbox.interface import Ending, Sandbox, SandboxJob, SandboxResult

CASE = b"""{"contract":1,"case":"c","items":["0"],"seed":0,"outputs":{},
"inputs":{"do":{"type":"file","file":"do.py"}}}"""
# A model that does what its case says: one program shows every way to behave.
MODEL = """
import gc, json, os, sys, time
from proctor.template.serve import Line
LINE = next(found for found in gc.get_objects() if isinstance(found, Line))
OUTPUT = os.environ.get("PROCTOR_OUTPUT", "/output") + "/"
INPUT = os.environ.get("PROCTOR_INPUT", "/input") + "/"
KEPT = {"cases": 0}
print("loaded")

class Model:
    def preprocess(self, inputs, case):
        return inputs["do"]

    def predict(self, do):
        KEPT["cases"] += 1
        own = do.parent.name
        os.makedirs(OUTPUT + own, exist_ok=True)
        exec(do.read_text(), globals() | {"own": own, "HERE": OUTPUT + own + "/"})
        return {}
"""
LIMITS = Limits(
    start_s=30,
    memory_bytes=160 * MIB,
    pids=48,
    output_bytes=2 * MIB,
    output_files=16,
    tmp_bytes=16 * MIB,
    log_bytes=8192,
    cpus=1,
)
LONGEST_WAIT_S = 120
COUNT = "open(HERE + 'count', 'w').write(str(KEPT['cases']))"


class Served:
    """A session and a way to have it do something as one case."""

    def __init__(self, sandbox: Sandbox, template: SandboxJob, folder: Path) -> None:
        self.sandbox = sandbox
        self.session = sandbox.session()
        self._template = template
        self._folder = folder
        self._numbers = itertools.count()
        self.work = template.work

    def job(self, do: str, outputs: tuple[str, ...] = ("count",), **more: object) -> SandboxJob:
        part = f"case-{next(self._numbers)}"
        source, destination = self._folder / f"{part}.py", self._folder / part
        source.write_text(textwrap.dedent(do))
        destination.mkdir()
        return replace(
            self._template,
            part=part,
            documents={"case.json": CASE},
            inputs={"do.py": source},
            outputs=outputs,
            destination=destination,
            **more,  # type: ignore[arg-type]
        )

    def ask(
        self,
        do: str,
        outputs: tuple[str, ...] = ("count",),
        cancelled: Callable[[], bool] = lambda: False,
        **more: object,
    ) -> SandboxResult:
        return self.session.run(self.job(do, outputs, **more), cancelled)

    def count(self) -> int:
        """Return how many cases the present program has been asked, this one included."""
        result = self.ask(COUNT)
        assert result.ending is Ending.ANSWERED, (result.detail, result.log)
        return int(result.outputs["count"].read_text())


@pytest.fixture(scope="module")
def served(output_bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give one session of each sandbox for the whole list; a row may end its program."""
    folder = tmp_path_factory.mktemp("served")
    template = output_bench.job("pass", timeout_s=20, limits=LIMITS)
    assert template.program.model_folder is not None
    (template.program.model_folder / "model.py").write_text(MODEL)
    served = Served(
        output_bench.sandbox,
        replace(template, work=f"run_{uuid.uuid4()}", protocol=Protocol.SERVE, seed=7),
        folder,
    )
    yield served
    served.session.close()


def test_a_program_is_loaded_once_and_answers_case_after_case(served: Served) -> None:
    served.session.close()
    first = served.ask(f"print('one'); os.write(1, b'more\\n'); {COUNT}")
    second = served.ask(f"print('two', file=sys.stderr); {COUNT}")

    assert (first.ending, second.ending) == (Ending.ANSWERED, Ending.ANSWERED)
    assert (first.log, second.log) == (b"loaded\none\nmore\n", b"two\n")
    assert 0 <= second.start_s < first.start_s
    counts = [result.outputs["count"].read_text() for result in (first, second)]
    assert counts == ["1", "2"]
    assert second.peak_memory_bytes is not None


def test_every_case_is_seeded_anew(served: Served) -> None:
    draw = "import random; open(HERE + 'count', 'w').write(str(random.random()))"
    first, second = served.ask(draw), served.ask(draw)

    assert first.outputs["count"].read_text() == second.outputs["count"].read_text()


@pytest.mark.parametrize(
    ("do", "sentence"),
    [
        ("os._exit(3)", "The model ended with exit status 3 before it answered."),
        ("os._exit(0)", "The model ended with exit status 0 before it answered."),
        ("os.kill(os.getpid(), 11)", "exit status 139 (signal SIGSEGV)"),
        ("LINE.send(id='case-99999', ok=1)", "It answered a case that it was not asked."),
        (
            "os.write(LINE._outgoing, 2 * (json.dumps({'id': own, 'ok': 1}) + chr(10)).encode())",
            "It answered the case twice.",
        ),
        ("LINE.send(id=own)", "It answered neither ok nor error."),
        ("LINE.send(ready=1)", "It said twice that it is ready."),
        ("LINE.send(id='x' * 70000, ok=1)", "It wrote a line of more than 65536 bytes"),
        ("os.write(LINE._outgoing, b'x' * 70000)", "It wrote a line of more than 65536 bytes"),
    ],
)
def test_whatever_breaks_a_case_costs_that_case_and_a_start(
    served: Served, do: str, sentence: str
) -> None:
    lost = served.ask(f"{do}; time.sleep(60)")

    assert lost.ending is Ending.FAILED
    assert sentence in lost.detail
    assert (lost.outputs, lost.missing) == ({}, ("count",))
    assert served.count() == 1


def test_an_answer_ahead_of_its_question_is_charged_to_the_next_case(served: Served) -> None:
    served.ask(
        """
        import threading

        def get_ahead():
            while os.listdir(INPUT) == [own]:
                time.sleep(0.01)
            LINE.send(id="x", ok=1)

        threading.Thread(target=get_ahead, daemon=True).start()
        """
    )

    assert served.ask("time.sleep(60)").ending is Ending.FAILED
    assert served.count() == 1


def test_an_error_in_one_case_is_an_answer(served: Served) -> None:
    before = served.count()
    failed = served.ask("raise ValueError('too bright')")

    assert (failed.ending, failed.detail) == (Ending.FAILED, "The model answered with an error.")
    assert failed.log.count(b"ValueError: too bright") == 2
    assert served.count() == before + 2


def test_a_case_that_takes_too_long_is_lost_alone(served: Served) -> None:
    served.count()
    slow = served.ask("time.sleep(30)", timeout_s=0.5)

    assert (slow.ending, slow.detail) == (Ending.TIMEOUT, "It was stopped after 0.5 s.")
    assert 0.5 <= slow.seconds < 30
    assert served.count() == 1


def test_the_time_of_a_start_counts_against_the_whole(served: Served) -> None:
    served.ask("os._exit(1)")
    late = served.ask("time.sleep(30)", left_s=1.5)

    assert late.ending is Ending.TIMEOUT
    assert late.start_s > 0
    assert 1.2 < late.start_s + late.seconds < 30


def test_memory_costs_the_case_that_took_it(served: Served) -> None:
    served.count()
    greedy = served.ask(
        "hoard = []\nfor _ in range(64):\n    hoard.append(b'x' * (8 << 20)); time.sleep(0.005)"
    )

    assert greedy.ending is Ending.OUT_OF_MEMORY
    assert served.count() == 1


def test_a_killed_child_is_noticed_behind_a_good_answer(served: Served) -> None:
    greedy = served.ask(
        f"""
        child = os.fork()
        if child == 0:
            hoard = []
            for _ in range(64):
                hoard.append(b"x" * (8 << 20))
                time.sleep(0.005)
            os._exit(0)
        os.waitpid(child, 0)
        {COUNT}
        """
    )

    assert greedy.ending is Ending.OUT_OF_MEMORY
    assert served.count() == 1


def test_a_full_output_costs_its_case(served: Served) -> None:
    flood = served.ask(
        """
        for number in range(8):
            with open(HERE + str(number), "wb") as stream:
                stream.write(bytes(1 << 20))
        """
    )

    assert flood.ending is Ending.OUTPUT_LIMIT
    assert served.count() > 0


def test_every_case_may_use_the_whole_limit_of_output(served: Served) -> None:
    fill = """
        for number in range(2):
            with open(HERE + f"{number}.bin", "wb") as stream:
                stream.write(bytes((1 << 20) - 8192))
        for number in range(14):
            open(HERE + f"empty-{number}", "w").close()
        """
    for _ in range(2):
        result = served.ask(fill, ("0.bin", "1.bin"))
        assert result.ending is Ending.ANSWERED, result.detail
        assert {path.stat().st_size for path in result.outputs.values()} == {MIB - 8192}


def test_only_plain_files_of_the_case_itself_are_collected(served: Served) -> None:
    result = served.ask(
        """
        os.symlink("/etc/passwd", HERE + "link")
        os.mkfifo(HERE + "pipe")
        os.mkdir(HERE + "folder")
        open(HERE + "first", "w").write("x")
        os.link(HERE + "first", HERE + "second")
        open(HERE + "good", "w").write("good")
        os.chmod(HERE + "good", 0)
        open(OUTPUT + "absent", "w").write("beside the folder of the case")
        """,
        ("link", "pipe", "folder", "first", "good", "absent"),
    )

    assert result.problems == {
        "link": "is a symbolic link",
        "pipe": "is a named pipe",
        "folder": "is a folder",
        "first": "has a second name (a hard link)",
    }
    assert result.missing == ("absent",)
    assert [path.read_text() for path in result.outputs.values()] == ["good"]


def test_an_output_folder_that_its_model_locked_costs_no_more_than_its_case(
    served: Served,
) -> None:
    result = served.ask(
        """
        open(HERE + "count", "w").write("x")
        os.chmod(OUTPUT, 0)
        LINE.send(id=own, ok=1)
        os._exit(0)
        """
    )
    assert result.ending is Ending.ANSWERED
    assert set(result.outputs) == {"count"}
    served.session.close()
    assert served.count() == 1


def test_a_program_that_ends_as_it_answers_keeps_its_answer(served: Served) -> None:
    for _ in range(3):
        served.session.close()
        result = served.ask(f"{COUNT}; LINE.send(id=own, ok=1); os._exit(0)")
        assert result.ending is Ending.ANSWERED
        assert set(result.outputs) == {"count"}
    served.session.close()


def test_a_folder_that_is_a_link_is_not_followed(served: Served) -> None:
    result = served.ask(
        """
        os.makedirs(OUTPUT + "other")
        open(OUTPUT + "other/count", "w").write("1")
        os.rmdir(HERE)
        os.symlink("other", OUTPUT + own)
        """
    )

    assert result.problems == {"count": "lies below something that is no folder"}
    assert result.outputs == {}
    assert served.count() > 0


def test_nothing_of_a_case_is_there_in_the_next(served: Served) -> None:
    left = served.ask(
        """
        os.makedirs(OUTPUT + "deep/er")
        open(OUTPUT + "deep/er/file", "w").write("x")
        os.chmod(OUTPUT + "deep", 0)
        KEPT["before"] = own
        """
    )
    found = served.ask(
        """
        seen = [sorted(os.listdir(INPUT)), sorted(os.listdir(OUTPUT)),
                os.path.exists(INPUT + KEPT.get("before", "none")), own]
        json.dump(seen, open(HERE + "seen", "w"))
        """,
        ("seen",),
    )

    assert left.ending is Ending.ANSWERED
    own = found.outputs["seen"].read_text().rsplit('"', 2)[1]
    assert found.outputs["seen"].read_text() == f'[["{own}"], ["{own}"], false, "{own}"]'


def test_a_child_that_writes_on_after_the_answer_is_stopped_while_we_collect(
    served: Served,
) -> None:
    for _ in range(3):
        answered = served.ask(
            """
            size = 1 << 20
            file = os.open(HERE + "same", os.O_RDWR | os.O_CREAT)
            os.pwrite(file, b"a" * size, 0)
            if os.fork() == 0:
                end = time.monotonic() + 1
                while time.monotonic() < end:
                    for letter in b"abc":
                        os.pwrite(file, bytes([letter]) * size, 0)
                os._exit(0)
            time.sleep(0.05)
            """,
            ("same",),
        )
        assert answered.ending is Ending.ANSWERED
        assert answered.problems == {}
        assert len(set(answered.outputs["same"].read_bytes())) == 1


def test_a_forked_child_that_comes_back_does_not_speak(served: Served) -> None:
    served.ask("os.fork()")

    assert served.count() > 0


def test_what_is_no_message_is_log(served: Served) -> None:
    served.count()
    result = served.ask(f"os.write(LINE._outgoing, b'[1]\\nhello\\n{{no json\\n'); {COUNT}")

    assert result.ending is Ending.ANSWERED
    assert result.log == b"[1]\nhello\n{no json\n"


def test_a_flood_of_log_is_cut_to_its_end_and_stays_with_its_case(served: Served) -> None:
    served.count()
    flood = served.ask("for _ in range(300): print('x' * 4096)\nprint('the end')")
    after = served.ask("print('quiet')")

    assert (flood.ending, after.ending) == (Ending.ANSWERED, Ending.ANSWERED)
    assert len(flood.log) <= 8192
    assert flood.log.startswith(b"[earlier output left out]\n")
    assert flood.log.endswith(b"x\nthe end\n")
    assert after.log == b"quiet\n"


def test_a_cancelled_case_ends_the_program(served: Served) -> None:
    served.count()
    result = served.ask("time.sleep(90)", cancelled=lambda: True)

    assert result.ending is Ending.CANCELLED
    assert served.count() == 1


def test_an_error_of_the_callers_leaves_nothing_behind(served: Served) -> None:
    def cancelled() -> bool:
        raise InterruptedError("the lease is lost")

    with pytest.raises((InterruptedError, PlatformError)):
        served.ask("time.sleep(90)", cancelled=cancelled)

    assert served.count() == 1


def test_a_program_that_cannot_start_ends_the_chances_of_every_case(served: Served) -> None:
    program = served.job("pass").program
    assert program.model_folder is not None
    model = program.model_folder / "model.py"
    model.write_text("print('looking for weights')\nraise ValueError('no weights')\n")
    served.session.close()
    session = served.sandbox.session()
    try:
        first = session.run(served.job("pass"), lambda: False)
        second = session.run(served.job("pass"), lambda: False)
    finally:
        session.close()
        model.write_text(MODEL)

    assert (first.ending, second.ending) == (Ending.START_FAILED, Ending.START_FAILED)
    assert first.detail == "It ended with exit status 3 before it was ready."
    assert b"looking for weights" in first.log
    assert b"no weights" in first.log
    assert (second.detail, second.log) == (first.detail, b"")
    assert second.start_s < first.start_s


def test_a_program_that_is_never_ready_is_not_waited_for(served: Served) -> None:
    program = served.job("pass").program
    assert program.model_folder is not None
    model = program.model_folder / "model.py"
    model.write_text("import time\ntime.sleep(60)\n")
    served.session.close()
    session = served.sandbox.session()
    limits = LIMITS.model_copy(update={"start_s": 0.7})
    try:
        result = session.run(served.job("pass", limits=limits), lambda: False)
    finally:
        session.close()
        model.write_text(MODEL)

    assert result.ending is Ending.START_FAILED
    assert result.detail == "It was not ready after 0.7 s (start_s)."


def come_true(condition: Callable[[], bool]) -> None:
    """Wait for a process to stand still: it is told to, and does so at its next turn."""
    end = time.monotonic() + LONGEST_WAIT_S
    while not condition():
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.01)


def states_of_processes_with(model: str) -> list[str]:
    """Return the states of the processes that have this model folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"PROCTOR_MODEL={model}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "stat").read_text().rpartition(")")[2].split()[0])
    return found


def test_a_program_that_was_made_ready_is_paused_until_it_is_asked(
    served: Served, request: pytest.FixtureRequest
) -> None:
    job = served.job("pass")
    served.session.close()
    assert served.session.start(job, lambda: False) is None

    if served.sandbox.name == "process":
        folder = str(job.program.model_folder)
        come_true(lambda: states_of_processes_with(folder) == ["T"])
    else:
        client = request.getfixturevalue("docker_client")
        found = client.containers.list(filters={"label": f"proctor.work={served.work}"})
        stands_still = request.getfixturevalue("stands_still")
        assert any(stands_still(container.id) for container in found)
    assert served.count() == 1


def test_a_program_is_paused_while_nothing_is_asked(
    served: Served, request: pytest.FixtureRequest
) -> None:
    result = served.ask("open(HERE + 'count', 'w').write(str(os.getpid()))")

    if served.sandbox.name == "process":
        state = Path(f"/proc/{result.outputs['count'].read_text()}/stat")
        come_true(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
        return
    client = request.getfixturevalue("docker_client")
    found = client.containers.list(filters={"label": f"proctor.work={served.work}"})
    assert found
    stands_still = request.getfixturevalue("stands_still")
    assert any(stands_still(container.id) for container in found)
