"""Images of ModelHub and MAX behind our service: in their own words, and in everybody else's."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import docker
import httpx2
import numpy as np
import pytest
from PIL import Image

from proctor.spec.base import FileRef
from proctor.spec.contract import (
    ForeignContract,
    GrandChallengeContract,
    MaxContract,
    ModelHubContract,
)
from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import ParticipantError
from proctor.spec.work import ImageContent
from proctor.template.card import Card
from proctor.template.rest.backend import AnswerError, Wish
from proctor.template.rest.server import listen_on
from proctor.template.rest.settings import Settings
from proctor.template.rest.starting import served
from proctor_runner.intake.kept_images import KeptImages
from proctor_runner.model_program import image_program
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.slots import Slots
from proctor_runner.serving.foreign import MaxExchange, ModelHubExchange, exchange_of
from proctor_runner.serving.image_model import copy_shown
from proctor_runner.serving.sandbox_backend import SandboxBackend
from proctor_runner.workshop import DockerShelf

LIMITS = Limits(memory_bytes=512 * MIB, case_s=60, start_s=60)

Host = Callable[..., httpx2.Client]


@pytest.fixture
def host(docker_client: docker.DockerClient, runtime_image: str, tmp_path: Path) -> Iterator[Host]:
    with ExitStack() as stack:

        def start(image: str, contract: ForeignContract) -> httpx2.Client:
            kept = KeptImages(docker_client, tmp_path / "kept", None)
            shelf = DockerShelf(docker_client, stack.enter_context(closing(kept)))
            (tmp_path / "kept").mkdir(exist_ok=True)
            content = ImageContent(
                config=FileRef(digest=image, size=0), layers=(), contract=contract
            )
            program = image_program(image, content, None, shelf, tmp_path / "model")
            for folder in (tmp_path.parent, tmp_path):
                folder.chmod(0o755)
            slots = Slots(tmp_path / "slots")
            sandbox = DockerSandbox(docker_client, tmp_path / "state", slots, runtime_image)
            stack.enter_context(closing(sandbox))
            (tmp_path / "answers").mkdir()
            backend = SandboxBackend(
                sandbox,
                program,
                Card({"name": "foreign"}),
                None,
                LIMITS,
                tmp_path / "answers",
                print,
                exchange_of(contract),
            )
            stack.callback(backend.stop)
            listening = listen_on("127.0.0.1", 0)
            service = stack.enter_context(served(backend, listening, Settings()))
            stack.callback(service.run_aside().join)
            stack.callback(service.close)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            return stack.enter_context(httpx2.Client(base_url=address, timeout=120))

        yield start


def gray(level: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (6, 4), level).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.docker
@pytest.mark.xdist_group("contracts")
def test_a_max_image_answers_in_maxs_words_and_in_ours(host: Host, images: Any) -> None:
    client = host(images.build("max", APP="classifier"), MaxContract())
    sent = {"image": ("a.png", gray(255))}

    its_own = client.post("/model/predict", files=sent)
    hub = client.post("/api/predict", files=sent).json()
    ours = client.post("/predict?pictures=true", files=sent).json()

    assert its_own.status_code == 200, its_own.text
    assert its_own.json()["status"] == "ok"
    best = max(its_own.json()["predictions"], key=lambda entry: entry["probability"])
    assert best["label"] == "light"
    assert hub["output"][0]["type"] == "label_list"
    assert ours["outputs"]["predictions"]["value"] == hub["output"][0]["prediction"]
    picture = client.get(ours["pictures"]["input"]["url"])
    assert picture.content == gray(255)


@pytest.mark.docker
@pytest.mark.xdist_group("contracts")
def test_a_modelhub_image_answers_in_everybodys_words(
    host: Host, images: Any, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    image = images.build("modelhub", CONTRIB="single")
    client = host(image, ModelHubContract())
    shown = tmp_path / "shown"
    shown.mkdir()
    copy_shown(docker_client, image, shown)

    answer = client.post("/api/predict", files={"file": ("a.png", gray(0))})
    wrong = client.post("/api/predict", files={"file": ("a.png", b"no picture")})

    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["output"]
    assert output["type"] == "label_list"
    assert {entry["label"] for entry in output["prediction"]} == {"light", "dark"}
    assert wrong.status_code == 500
    assert wrong.json()["code"] == "model_failed"
    assert json.loads((shown / "config.json").read_text())["meta"]["name"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"answers": []},
        {"answers": [3]},
        {"answers": [{"output": 3}]},
        {"answers": [{"output": [3]}]},
        {"answers": [{"output": [{"prediction": {"array": "../../etc/passwd"}}]}]},
        {"answers": [{"status": "ok", "predictions": 3}]},
        {"answers": [{"status": "error", "predictions": []}]},
    ],
)
def test_what_a_hostile_foreign_model_says_is_no_answer(answer: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(gray(1))
    inputs = {"input": tmp_path / "a.png"}

    for exchange in (MaxExchange(MaxContract()), ModelHubExchange()):
        with pytest.raises(AnswerError):
            exchange.read(json.dumps(answer).encode(), {}, inputs, 1.0)


def test_boxes_of_max_are_placed_on_the_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(gray(1))
    inputs = {"image": tmp_path / "a.png"}
    box = {"label": "spot", "probability": 0.5, "detection_box": [0.25, 0.5, 0.75, 1]}
    text = json.dumps({"answers": [{"status": "ok", "predictions": [box]}]}).encode()

    answer = MaxExchange(MaxContract()).read(text, {}, inputs, 1.0)

    (part,) = answer.parts
    assert part.type == "boxes"
    assert part.value == [
        {"label": "spot", "score": 0.5, "x0": 3.0, "y0": 1.0, "x1": 6.0, "y1": 3.0}]  # fmt: skip
    assert answer.max_predictions == (box,)


@pytest.mark.parametrize(
    ("said", "threshold", "query"),
    [
        ({}, "", ""),
        ({}, "0.3", "?threshold=0.3"),
        ({"threshold": "0", "topk": "5"}, "", "?threshold=0&topk=5"),
        ({"topk": "a b"}, "0&x=1", "?topk=a+b&threshold=0%26x%3D1"),
    ],
)
def test_max_is_asked_with_the_parameters_of_its_contract_and_of_whoever_asks(
    tmp_path: Path, said: dict[str, str], threshold: str, query: str
) -> None:
    (tmp_path / "a.png").write_bytes(gray(1))
    exchange = MaxExchange(MaxContract(query=said))
    asked = exchange.ask("r", {"input": tmp_path / "a.png"}, Wish(threshold=threshold))
    (item,) = json.loads(asked.documents["requests.json"])["items"]
    assert item["query"] == query


def test_a_text_is_sent_to_max_as_a_document(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("fine")

    asked = MaxExchange(MaxContract()).ask("a", {"text": tmp_path / "text.txt"}, Wish())

    (item,) = json.loads(asked.documents["requests.json"])["items"]
    assert item["json"] == {"text": ["fine"]}
    assert asked.inputs == {}


def test_a_model_without_a_server_cannot_be_asked() -> None:
    with pytest.raises(ParticipantError, match="started once for each case"):
        exchange_of(GrandChallengeContract.model_construct())


def test_an_array_of_modelhub_is_handed_on_as_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "array-0.npy", np.zeros(3))
    array = {"array": "array-0.npy"}
    output = {"name": "seg", "type": "mask_image", "shape": [3], "prediction": array}
    text = json.dumps({"answers": [{"output": [output]}]}).encode()

    answer = ModelHubExchange().read(text, {"array-0.npy": tmp_path / "array-0.npy"}, {}, 1.0)

    (part,) = answer.parts
    assert (part.name, part.type, part.shape, part.file) == (
        "seg", "mask_image", (3,), tmp_path / "array-0.npy")  # fmt: skip
