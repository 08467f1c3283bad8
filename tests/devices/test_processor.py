"""The cores that a container may use, and processors on which TensorFlow does not run."""

import os

import numpy as np
import pytest

from painterly.bench import loading
from painterly.devices import processor
from painterly.devices.processor import cores, has_avx, limit_threads
from painterly.errors import ConfigError, DeviceError

LAYOUTS = {
    "v2": ("0::/pod/web\n", "sys/fs/cgroup/pod/cpu.max", "{} 100000"),
    "v2, inside": ("0::/\n", "sys/fs/cgroup/cpu.max", "{} 100000"),
    "v1": (
        "4:cpu,cpuacct:/pod\n1:name=x:/\n",
        "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us",
        "{}",
    ),
    "v1, docker's path": ("4:cpu:/docker/1\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "{}"),
}


def made(root, layout, quota):
    cgroup, name, text = LAYOUTS[layout]
    for file, content in {"proc/self/cgroup": cgroup, name: text.format(quota)}.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "sys/fs/cgroup/pod/web").mkdir(parents=True, exist_ok=True)
    (path.parent / "cpu.cfs_period_us").write_text("100000\n")
    return root


@pytest.fixture
def machine(monkeypatch):
    """A machine of 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for name in processor.THREADS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_containers_share_of_the_processor_is_counted_in_whole_cores(machine, tmp_path, layout):
    expected = {50_000: 1, 150_000: 2, 400_000: 4, 9_900_000: 64}
    for quota, count in {**expected, "max" if "v2" in layout else -1: 64}.items():
        cores.cache_clear()
        assert cores(made(tmp_path, layout, quota)) == count, quota


def test_threads_follow_the_limit_unless_they_are_set(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    limit_threads()
    assert [os.environ[name] for name in processor.THREADS] == ["2", "7", "2", "2"]
    assert processor.cpu_description() == "the CPU, 2 cores"


def test_without_avx_a_sentence_offers_preset_instant(monkeypatch, tmp_path):
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    assert has_avx(made(tmp_path, "v2", "max"))
    (tmp_path / "proc/cpuinfo").write_text("processor : 0\nflags : fpu sse4_2 popcnt\n")
    has_avx.cache_clear()
    assert not has_avx(tmp_path)
    features = np._core._multiarray_umath.__cpu_features__
    monkeypatch.setitem(features, "AVX", False)  # As an emulator that shows the host's cpuinfo.
    assert not has_avx(tmp_path / "elsewhere")
    monkeypatch.setattr(processor, "has_avx", lambda: False)
    with pytest.raises(DeviceError, match="no AVX, which TensorFlow needs; --preset instant"):
        loading.load_devices("cpu").result()
    assert loading.load_devices("cpu", optimises=False).result().first.name == "CPU"


def test_without_a_folder_for_temporary_files_a_line_says_so_and_instant_needs_none(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/proc/nothing"])
    with pytest.raises(ConfigError, match=r"no folder for temporary files .*; set TMPDIR"):
        loading.load_devices("cpu").result()
    assert loading.load_devices("cpu", optimises=False).result().first.name == "CPU"
