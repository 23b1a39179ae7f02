"""A GPU belongs to one worker process of a host at a time."""

from __future__ import annotations

import os

import pytest

from proctor.spec.gpus import GpuLimits
from proctor.spec.outcomes import PlatformError
from proctor_runner.gpus.held import count_gpus, hold


def test_two_processes_never_hold_the_same_gpu(driver, tmp_path):
    assert count_gpus(driver.open) == 2
    first, second = hold(driver.open, tmp_path, 1), hold(driver.open, tmp_path, 1)
    assert {*first.uuids, *second.uuids} == {gpu.uuid for gpu in driver.there}
    with pytest.raises(PlatformError, match="needs 1 of the 2 GPUs here; 0 are free"):
        hold(driver.open, tmp_path, 1)


def test_a_gpu_is_free_again_when_its_holder_died(driver, tmp_path):
    child = os.fork()
    if child == 0:
        hold(driver.open, tmp_path, 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(hold(driver.open, tmp_path, 2).uuids) == 2


def test_what_could_not_be_held_whole_is_not_held_in_part(driver, tmp_path):
    with pytest.raises(PlatformError, match="needs 3 of the 2"):
        hold(driver.open, tmp_path, 3)
    assert len(hold(driver.open, tmp_path, 2).uuids) == 2


def test_a_container_gets_as_many_as_asked_for_and_only_what_fits(gpus, driver, tmp_path):
    driver.there = [gpus.gpu(0, 24), gpus.gpu(1, 80)]
    held = hold(driver.open, tmp_path, 2)
    assert [gpu.uuid[-1] for gpu in held.chosen_for(GpuLimits())] == ["0"]
    assert [gpu.uuid[-1] for gpu in held.chosen_for(GpuLimits(min_vram_bytes=40 * 10**9))] == ["1"]
    with pytest.raises(PlatformError, match="this worker holds 1 such"):
        held.chosen_for(GpuLimits(count=2, min_vram_bytes=40 * 10**9))


def test_a_gpu_that_is_gone_is_not_offered_and_is_our_failure(driver, tmp_path):
    held = hold(driver.open, tmp_path, 2)
    gone = driver.there.pop()
    with pytest.raises(PlatformError, match=f"{gone.uuid} is not there any more"):
        held.facts()
    driver.lost = True
    with pytest.raises(PlatformError, match="the library went away"):
        held.facts()
