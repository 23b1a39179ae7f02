"""What a worker makes of what a model says of itself: a stranger's file, whatever it claims."""

import json

import pytest

from proctor.spec.base import FileRef
from proctor.spec.card.detected import MOST_METADATA_BYTES
from proctor.spec.model import Protocol
from proctor.spec.work import ImageContent
from proctor_runner.measuring import measure
from proctor_runner.sandbox.interface import Ending, Program

HONEST = {
    "models": [{"source": "Model.net", "framework": "pytorch", "type": "UNet", "parameters": 7}],
    "weights_bytes": 1,
    "folder_bytes": 1,
    "image_bytes": 1,
    "weights": [{"path": "none.onnx", "bytes": 1}],
    "detector": "mine",
}


@pytest.fixture
def measured(fakes, desk, tmp_path):
    """Return what is measured of a model that leaves these bytes."""

    def measured(data, content=None, program=None, **ended):
        order = fakes.order(desk)
        sandbox = fakes.Sandbox(lambda job, _: fakes.leave(job, {"metadata.json": data}, **ended))
        folder = tmp_path / "described"
        folder.mkdir()
        found = measure(
            program or Program(),
            content or order.content,
            sandbox,
            order.limits,
            folder,
            work=order.id,
        )
        return found, sandbox.jobs

    return measured


def folder_of(fakes, desk, *paths):
    file = desk.store_bytes(b"12345").model_dump()
    entries = [{"path": path, "file": file} for path in paths]
    return fakes.order(
        desk, content={"kind": "folder", "entries": entries, "runtime": "runtime-cpu"}
    ).content


def test_what_a_model_says_is_kept_and_what_the_worker_sees_replaces_it(fakes, desk, measured):
    content = folder_of(fakes, desk, "model.py", "net.pt", "deep/net.onnx", "samples/images.npy")
    found, (job,) = measured(json.dumps(HONEST).encode(), content)
    assert found.main.parameters == 7
    assert (found.folder_bytes, found.weights_bytes, found.image_bytes) == (20, 10, None)
    assert [(one.path, one.format, one.unpickled) for one in found.weights] == [
        ("net.pt", "pytorch", True),
        ("deep/net.onnx", "onnx", False),
    ]
    assert found.detector != "mine"
    assert job.protocol is Protocol.DESCRIBE
    assert job.inputs == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"format": 2}',
        b'{"models": [{"source": "x"}]}',
        b'{"packages": "all"}',
        b'{"load_s": NaN}',
        b'{"score": 1.0}',
        json.dumps({"problems": ["x" * 5000]}).encode(),
        json.dumps({"models": [HONEST["models"][0]] * 65}).encode(),
        json.dumps({"models": [HONEST["models"][0] | {"parameters": -1}]}).encode(),
        b'{"python": "' + b"x" * MOST_METADATA_BYTES + b'"}',
        b'{"python": "\\ud800"}',
    ],
)
def test_anything_else_is_no_metadata_and_costs_nothing(measured, data):
    found, _ = measured(data)
    assert found.models == ()
    assert len(found.problems) == 1
    assert found.folder_bytes is not None


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"exit_code": 3}, "exit code 3"),
        ({"exit_code": None, "ending": Ending.OUT_OF_MEMORY, "detail": "Too big."}, "Too big."),
    ],
)
def test_a_file_left_by_a_program_that_failed_is_not_read(measured, ended, said):
    found, _ = measured(json.dumps(HONEST).encode(), **ended)
    assert found.models == ()
    assert said in found.problems[0]


@pytest.mark.parametrize("ending", [Ending.TIMEOUT, Ending.CANCELLED])
def test_a_model_that_had_no_time_is_to_be_looked_at_again(measured, ending):
    found, _ = measured(json.dumps(HONEST).encode(), exit_code=None, ending=ending)
    assert found is None


def test_an_image_is_asked_only_if_it_says_that_it_can_tell(measured):
    layer = FileRef(digest="sha256:" + "0" * 64, size=300)
    image = ImageContent(config=layer, layers=(layer, layer))
    found, jobs = measured(json.dumps(HONEST).encode(), image)
    assert jobs == []
    assert "does not say that it speaks the protocol describe" in found.problems[0]
    assert (found.image_bytes, found.folder_bytes, found.weights_bytes) == (600, None, None)


def test_an_image_that_says_so_is_asked(measured):
    layer = FileRef(digest="sha256:" + "0" * 64, size=300)
    program = Program("sha256:1", protocols=frozenset({Protocol.CASE, Protocol.DESCRIBE}))
    found, jobs = measured(
        json.dumps(HONEST).encode(), ImageContent(config=layer, layers=(layer,)), program
    )
    assert len(jobs) == 1
    assert found.main.type == "UNet"
