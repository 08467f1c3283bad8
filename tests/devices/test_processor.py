"""The cores that a container may use, and processors on which TensorFlow does not run."""

import os
import re

import numpy as np
import pytest
from support.commands import python

from painterly.devices import processor
from painterly.devices.processor import cores, has_avx, limit_threads
from painterly.errors import ConfigError, DeviceError
from painterly.painters import loading
from painterly.settings.installation import PROGRAM

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
def large_machine(monkeypatch):
    """A machine of 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for name in processor.THREADS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_containers_share_of_the_processor_is_counted_in_whole_cores(
    large_machine, tmp_path, layout
):
    expected = {50_000: 1, 150_000: 2, 400_000: 4, 9_900_000: 64}
    for quota, count in {**expected, "max" if "v2" in layout else -1: 64}.items():
        cores.cache_clear()
        assert cores(made(tmp_path, layout, quota)) == count, quota


def test_cores_are_counted_in_one_place(monkeypatch):
    """Python counts the machine's, whatever a container may use of them."""
    files = [*(PROGRAM / "painterly").rglob("*.py"), *(PROGRAM / "aws").rglob("*.py")]
    asks = re.compile(r"\bcpu_count\b|\bsched_getaffinity\b|\bprocess_cpu_count\b")
    found = {each.name for each in files if asks.search(each.read_text())}
    assert found == {"processor.py"}


def test_threads_follow_the_limit_unless_they_are_set(large_machine, tmp_path, monkeypatch):
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


@pytest.mark.thorough
def test_where_onednn_is_limited_auto_paints_and_bfloat16_is_refused_in_a_line():
    """The processor's flags still have bfloat16, and TensorFlow goes by them."""
    program = """
import sys; sys.path.append("tests")
from support.tiny import last, picture
from painterly import Settings, load_vgg, stylize
from painterly.devices.choose import cpu_computes
from painterly.errors import ConfigError
def paint(precision):
    settings = Settings(recipe="gatys", size=48, iterations=1, precision=precision)
    return last(stylize(picture(48, 48), [picture(32, 32, 2)], settings, load_vgg())).image.shape
print(paint("auto"))
try:
    print(paint("bfloat16"))
except ConfigError as error:
    print(error)
print(cpu_computes("bfloat16"))
"""
    limited = {"ONEDNN_MAX_CPU_ISA": "AVX2", "CUDA_VISIBLE_DEVICES": "-1"}
    done = python("-c", program, TF_CPP_MIN_LOG_LEVEL="3", **limited)
    assert done.returncode == 0, done.stderr
    auto, half, computes = done.stdout.splitlines()[-3:]
    assert auto == "(48, 48, 3)"
    if computes == "True":  # TensorFlow does not ask oneDNN on a processor without AVX-512.
        assert half == auto
    else:
        assert "under ONEDNN_MAX_CPU_ISA=AVX2; choose precision float32" in half
