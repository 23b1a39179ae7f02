"""The engine as a worker meets it that asks case by case: lines in, lines out, folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LONGEST_WAIT_S = 120
TABLE = {"type": "table", "file": "draws.csv", "columns": ["a"]}


class Served:
    """A running engine and its three folders."""

    def __init__(self, root: Path, body: str, **variables: str) -> None:
        self.root = root
        for name in ("model", "input", "output"):
            (root / name).mkdir()
        (root / "model" / "model.py").write_text(body)
        places = {f"PROCTOR_{name.upper()}": str(root / name) for name in
                  ("model", "input", "output")}  # fmt: skip
        self._log = (root / "log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proctor.template"],
            env={"PATH": os.environ["PATH"], "PROCTOR_PROTOCOL": "serve", **places, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def write_case(self, case_id: str, seed: int = 3) -> None:
        folder = self.root / "input" / case_id
        folder.mkdir()
        case = {"contract": 1, "case": case_id, "items": ["0"], "inputs": {}, "seed": seed}
        (folder / "case.json").write_text(json.dumps({**case, "outputs": {"draws": TABLE}}))

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message = json.loads(self.process.stdout.readline())
        assert isinstance(message, dict)
        return message

    def ask(self, case_id: str) -> dict[str, Any]:
        if not (self.root / "input" / case_id).exists():
            self.write_case(case_id)
        self.send(json.dumps({"id": case_id}))
        return self.hear()

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self, case_id: str) -> str:
        return (self.root / "output" / case_id / "draws.csv").read_text()

    def end(self) -> tuple[int, str]:
        """Close its lines; return how it ended and all that it printed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(LONGEST_WAIT_S)
        self.process.stdout.close()
        self._log.close()
        return code, (self.root / "log").read_text()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    started: list[Served] = []

    def start(body: str, **variables: str) -> Served:
        started.append(Served(tmp_path, body, **variables))
        return started[0]

    yield start
    for served in started:
        served.process.kill()
        served.end()


DRAWS = """
import random
print("loading")

class Model:
    def load(self, folder):
        self.cases = 0

    def predict(self, inputs):
        self.cases += 1
        print("case", self.cases)
        return [random.random()]
"""


def test_a_model_is_loaded_once_and_each_case_is_answered_into_its_folder(serve) -> None:
    served = serve(DRAWS)

    assert served.hear() == {"ready": 1}
    assert served.ask("a") == {"id": "a", "ok": 1}
    assert served.ask("b") == {"id": "b", "ok": 1}
    assert served.answer("a") == served.answer("b"), "every case is seeded anew"
    code, log = served.end()
    assert code == 0
    assert [line.strip() for line in log.splitlines()] == ["loading", "case 1", "case 2"]


def test_serving_answers_as_starting_anew_does(serve, tmp_path: Path) -> None:
    served = serve(DRAWS)
    served.hear()
    for case_id in ("a", "b"):
        served.ask(case_id)
    again = tmp_path / "again"
    environment = {
        "PATH": os.environ["PATH"],
        "PROCTOR_PROTOCOL": "case",
        "PROCTOR_MODEL": str(tmp_path / "model"),
        "PROCTOR_INPUT": str(tmp_path / "input" / "b"),
        "PROCTOR_OUTPUT": str(again),
    }
    subprocess.run(
        [sys.executable, "-m", "proctor.template"],
        env=environment,
        check=True,
        timeout=LONGEST_WAIT_S,
    )

    assert (again / "draws.csv").read_text() == served.answer("b")


def test_a_case_that_fails_is_told_and_the_next_is_answered(serve) -> None:
    served = serve(
        "class Model:\n"
        "    failed = False\n"
        "    def predict(self, inputs):\n"
        "        if not self.failed:\n"
        "            self.failed = True\n"
        "            raise ValueError('too bright')\n"
        "        return [1.0]\n"
    )
    served.hear()
    told = served.ask("a")

    assert set(told) == {"id", "error"}
    assert "ValueError: too bright (model.py line 6)" in told["error"]
    assert served.ask("b") == {"id": "b", "ok": 1}
    assert not (served.root / "output" / "a").exists()
    _, log = served.end()
    assert "Traceback" in log
    assert told["error"] in log


def test_a_case_that_cannot_be_read_is_told(serve) -> None:
    served = serve("class Model:\n def predict(self, inputs): return [1.0]\n")
    served.hear()
    (served.root / "input" / "empty").mkdir()

    assert "case.json" in served.ask("empty")["error"]


def test_a_model_reads_nothing_and_cannot_speak_for_the_engine(serve) -> None:
    served = serve(
        "import os, subprocess, sys\n"
        "class Model:\n"
        "    def predict(self, inputs):\n"
        '        os.write(1, b\'{"id":"x","ok":1}\\n\')\n'
        "        subprocess.run(['echo', 'from a child'])\n"
        "        return [float(len(sys.stdin.read()))]\n"
    )
    served.hear()

    assert served.ask("a") == {"id": "a", "ok": 1}
    assert served.answer("a") == "a\n0.0\n"
    _, log = served.end()
    assert '{"id":"x","ok":1}' in log
    assert "from a child" in log


def test_a_forked_child_that_comes_back_does_not_answer(serve) -> None:
    served = serve(
        "import os\nclass Model:\n def predict(self, inputs):\n  os.fork()\n  return [1.0]\n"
    )
    served.hear()

    # Often, since a child that wrote beside its parent would only now and then be faster.
    for number in range(40):
        assert served.ask(f"c{number}") == {"id": f"c{number}", "ok": 1}


@pytest.mark.parametrize(
    "line", ["", "{", "[1]", '{"id": 3}', '{"id": "../a"}', '{"id": ".."}', "{" + " " * 70_000]
)
def test_what_names_no_case_ends_the_engine(serve, line: str) -> None:
    served = serve("class Model:\n def predict(self, inputs): return [1.0]\n")
    served.hear()
    served.send(line)
    code, log = served.end()

    assert code == 2
    assert "expected" in log or "65536" in log


def test_a_model_that_cannot_load_is_never_ready(serve) -> None:
    served = serve("class Model:\n def load(self, folder): 1 / 0\n def predict(self, i): ...\n")
    code, log = served.end()

    assert code == 3
    assert "ZeroDivisionError" in log
