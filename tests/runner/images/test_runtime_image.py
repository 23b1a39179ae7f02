"""The images on a real daemon: seconds with a warm cache, two minutes with a cold one."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import docker
import numpy as np
import numpy.typing as npt
import pytest

from proctor_runner.images import RUNTIME_REPOSITORY, ImageBuilder, released_tag

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("images")]

IMAGES = Path(__file__).parents[3] / "runner" / "proctor_runner" / "images"
CACHE = Path(__file__).parents[3] / ".cache" / "images"

MODEL = """
import numpy, sklearn.svm


class Model:
    def predict(self, inputs):
        return numpy.full((len(inputs["images"]), 2), 0.5)
"""

CASE = {
    "contract": 1,
    "case": "c1",
    "items": ["0", "1", "2"],
    "inputs": {"images": {"type": "array", "file": "images.npy"}},
    "meta": {},
    "outputs": {
        "probabilities": {"type": "table", "file": "probabilities.csv", "columns": ["0", "1"]}
    },
    "seed": 0,
}


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=600)
    yield client
    client.close()


@pytest.fixture(scope="module")
def runtime_id(client: docker.DockerClient) -> str:
    return ImageBuilder(client, CACHE, print).ensure_runtime()


def run_python(client: docker.DockerClient, image: str, code: str) -> str:
    """Run code as a model would run: another user, no network, a read-only root file system."""
    output = client.containers.run(
        image,
        ["-W", "error", "-c", code],
        entrypoint="/opt/venv/bin/python",
        remove=True,
        read_only=True,
        network_mode="none",
        user="61000:61000",
        cap_drop=["ALL"],
    )
    return output.decode()


def case_folders(parent: Path) -> dict[str, Path]:
    """Make what a container of a case is given."""
    folders = {name: parent / name for name in ("model", "input", "output")}
    for folder in folders.values():
        folder.mkdir()
    return folders


def answered(
    client: docker.DockerClient, runtime_id: str, folders: dict[str, Path]
) -> npt.NDArray[np.float64]:
    """Run the model on its case under the sandbox's limits and return its probabilities."""
    folders["output"].chmod(0o777)
    client.containers.run(
        runtime_id,
        remove=True,
        read_only=True,
        network_mode="none",
        user="61000:61000",
        cap_drop=["ALL"],
        volumes={
            str(folder): {"bind": f"/{name}", "mode": "rw" if name == "output" else "ro"}
            for name, folder in folders.items()
        },
    )
    return np.loadtxt(folders["output"] / "probabilities.csv", delimiter=",", skiprows=1)


def test_an_unchanged_image_is_not_built_again(
    client: docker.DockerClient, runtime_id: str
) -> None:
    said: list[str] = []
    assert ImageBuilder(client, CACHE, said.append).ensure_runtime() == runtime_id
    assert said == []
    assert client.images.get(released_tag(RUNTIME_REPOSITORY)).id == runtime_id


def test_the_runtime_has_its_libraries_compiled_and_the_engine_light(
    client: docker.DockerClient, runtime_id: str
) -> None:
    code = (
        "import importlib.util, json, os, sys\n"
        "import proctor.template\n"
        "engine = sorted(name for name in ('pydantic', 'numpy') if name in sys.modules)\n"
        "import numpy, scipy.ndimage, sklearn.svm, nibabel, SimpleITK, onnxruntime, PIL, h5py\n"
        "packages = (proctor, numpy, sklearn, nibabel, SimpleITK, onnxruntime, PIL, h5py)\n"
        "cached = [os.path.exists(it.__cached__) for it in packages]\n"
        "print(json.dumps([engine, all(cached), importlib.util.find_spec('pydantic') is None]))\n"
    )
    assert json.loads(run_python(client, runtime_id, code)) == [[], True, True]


def test_a_model_folder_answers_a_case_without_network_or_a_writable_root(
    client: docker.DockerClient, runtime_id: str, tmp_path: Path
) -> None:
    folders = case_folders(tmp_path)
    (folders["model"] / "model.py").write_text(MODEL)
    (folders["input"] / "case.json").write_text(json.dumps(CASE))
    np.save(folders["input"] / "images.npy", np.zeros((3, 8, 8)))
    answer = answered(client, runtime_id, folders)
    assert answer.tolist() == [[0.5, 0.5]] * 3


def test_an_output_of_voxels_leaves_the_runtime_as_hdf5_that_says_what_it_is(
    client: docker.DockerClient, runtime_id: str
) -> None:
    code = (
        "import json, h5py, numpy as np\n"
        "from pathlib import Path\n"
        "from proctor.template.case import OutputFile\n"
        "from proctor.template.outputs.hdf5 import write_hdf5\n"
        "from proctor.template.values import Volume\n"
        "grid = Volume(np.zeros((2, 3, 4)), np.diag([1.0, 2.0, 3.0, 1.0]), (1.0, 2.0, 3.0))\n"
        "asked = OutputFile('lesion', 'mask_image', 'lesion.nii.gz')\n"
        "write_hdf5(np.ones((2, 3, 4), np.uint8), asked, grid, Path('/dev/shm/m.h5'))\n"
        "with h5py.File('/dev/shm/m.h5') as file:\n"
        "    found = file['lesion']\n"
        "    told = {key: np.asarray(value).tolist() for key, value in found.attrs.items()}\n"
        "    print(json.dumps([int(found[()].sum()), told]))\n"
    )
    count, told = json.loads(run_python(client, runtime_id, code))
    assert count == 24
    assert (told["type"], told["dtype"]) == ("mask_image", "uint8")
    assert (told["axes"], told["spacing_mm"]) == (["i", "j", "k"], [1.0, 2.0, 3.0])
    assert told["affine"] == np.diag([1.0, 2.0, 3.0, 1.0]).tolist()


def test_a_graph_alone_answers_a_case_in_the_runtime(
    client: docker.DockerClient, runtime_id: str, tmp_path: Path
) -> None:
    folders = case_folders(tmp_path)
    graph = files("proctor.template") / "scaffolds" / "onnx" / "classification.onnx"
    (folders["model"] / "model.onnx").write_bytes(graph.read_bytes())
    (folders["input"] / "case.json").write_text(json.dumps(CASE))
    np.save(folders["input"] / "images.npy", np.array([[[0]], [[115]], [[255]]], np.uint8))
    answer = answered(client, runtime_id, folders)
    assert answer[:, 1].tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)


@pytest.mark.slow
def test_a_runtime_with_other_packages_is_built_on_the_first(
    client: docker.DockerClient,
    runtime_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What runtime-torch is but for its size: a package that, as torch, has a file no Python reads.

    (Torch has one in the syntax of a Python newer than that of the base.)
    """
    wheel = tmp_path / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small/__init__.py", "")
        archive.writestr("small/of_tomorrow.py", "def f[T: (]: ...")
        archive.writestr(
            "small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
        )
        archive.writestr(
            "small-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("small-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "pins.txt").write_text(f"small==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    torch_id = ImageBuilder(client, tmp_path / "cache", print).ensure_torch(tmp_path / "pins.txt")
    try:
        said = run_python(client, torch_id, "import small, numpy; print(small.__cached__)")
        assert said.startswith("/opt/torch/small/__pycache__/")
        image, runtime = client.images.get(torch_id).attrs, client.images.get(runtime_id).attrs
        layers = runtime["RootFS"]["Layers"]
        assert image["RootFS"]["Layers"][: len(layers)] == layers
        assert image["Config"]["Entrypoint"] == runtime["Config"]["Entrypoint"]
        assert image["Config"]["User"] == "65532:65532"
    finally:
        client.images.remove(torch_id, force=True)


def test_the_decode_image_reads_volumes_and_shares_the_runtime(
    client: docker.DockerClient, runtime_id: str
) -> None:
    decode_id = ImageBuilder(client, CACHE, print).ensure_decode()
    code = "import SimpleITK, proctor_runner.decode.__main__ as m; print(m.__spec__.name)"
    assert run_python(client, decode_id, code) == "proctor_runner.decode.__main__\n"
    image, runtime = client.images.get(decode_id).attrs, client.images.get(runtime_id).attrs
    layers = runtime["RootFS"]["Layers"]
    assert image["RootFS"]["Layers"][: len(layers)] == layers
    assert image["Config"]["Entrypoint"] == ["/opt/venv/bin/python", "-m", "proctor_runner.decode"]
    assert image["Config"]["User"] == "65532:65532"


def test_the_image_declares_a_plain_user_and_nothing_that_weakens_a_sandbox(
    client: docker.DockerClient, runtime_id: str
) -> None:
    config = client.images.get(runtime_id).attrs["Config"]
    assert config["User"] == "65532:65532"
    assert not config.get("Volumes")
    assert not config.get("Healthcheck")
    assert config["Labels"]["proctor.protocols"] == "case"
    assert config["Entrypoint"] == ["/opt/venv/bin/python", "-m", "proctor.template"]


def test_the_image_tells_nothing_of_the_machine_it_was_built_on(
    client: docker.DockerClient, runtime_id: str
) -> None:
    history = json.dumps(client.images.get(runtime_id).history()).lower()
    assert "proxy" not in history
    assert "index-url" not in history
    code = (
        "import glob\n"
        "print(glob.glob('/etc/pip.conf') + glob.glob('/var/log/*') + glob.glob('/wheels/*')"
        " + glob.glob('/opt/venv/pip.conf') + glob.glob('/root/.*'))\n"
    )
    assert run_python(client, runtime_id, code) == "[]\n"
