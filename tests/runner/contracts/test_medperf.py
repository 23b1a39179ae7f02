"""Model containers of MedPerf, by their container_config.yaml."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proctor.cli.contracts import read_container_config
from proctor.cli.failures import CommandError
from proctor.spec.outcomes import Code

CONFIG = Path(__file__).parent / "images" / "medperf" / "container_config.yaml"


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.xdist_group("contracts")
def test_a_container_is_run_as_its_config_says(room, images, volumes, tmp_path):
    image = images.build("medperf")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "weights.txt").write_text("5")
    declared = read_container_config(CONFIG).contract
    contract = declared.model_copy(
        update={
            "inputs": {"t1": "case_t1.nii.gz"},
            "outputs": {"seg": "predictions/brats.nii.gz"},
        }
    )
    cases = {"a": {"t1": volumes.nifti(1)}, "b": {"t1": volumes.nifti(2)}}
    found = room.ask(image, contract, volumes.task("t1", output="seg"), cases, weights=weights)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    for number, case in enumerate("ab", start=1):
        np.testing.assert_array_equal(found.arrays[case]["seg"], volumes.voxels(number) > 65)


def test_a_config_is_read_with_its_parameters():
    found = read_container_config(CONFIG)

    assert (found.image, found.weights) == ("proctor-test/medperf", None)
    assert found.contract.command == ("infer",)
    assert found.contract.parameters == {"threshold": 60}
    assert found.contract.mounts.output_path == "/mlcommons/volumes/predictions"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("command: infer", "privileged: true"), "run_args: privileged is not allowed"),
        (("DockerImage", "SingularityFile"), "container_type is 'SingularityFile'"),
        (("/mlcommons/volumes/weights", "/proc/weights"), "nothing can be mounted there"),
        (("/mlcommons/volumes/weights", "/mlcommons/volumes/data/w"), "mounted twice"),
        (("data_path", "data"), "mounts.data_path: Field required"),
    ],
)
def test_a_config_that_asks_for_more_is_refused(tmp_path, changed, said):
    path = tmp_path / "container_config.yaml"
    path.write_text(CONFIG.read_text().replace(*changed))
    with pytest.raises(CommandError, match=said):
        read_container_config(path)
