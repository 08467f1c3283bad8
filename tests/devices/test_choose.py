"""GPUs without a GPU: a fake /dev, nvidia-smi and driver, and how TensorFlow is set up for them."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, call

import pytest

from painterly import log
from painterly.devices import choose, nvidia
from painterly.errors import DeviceError

HERE = Path(__file__).parent
CUDA = "12.5.1"  # TensorFlow 2.21's


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Return the /dev of a machine without any trace of a GPU."""
    monkeypatch.setattr(nvidia, "DEVICES", tmp_path)
    monkeypatch.setattr(nvidia, "LIBRARY", "libcuda-of-nobody.so.1")
    # As where start.sh sees a GPU; elsewhere it installs a TensorFlow without CUDA.
    monkeypatch.setattr(choose, "_cuda_version", lambda: CUDA)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if choose.tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU that works")
    log.log_to_stdout("%(message)s")
    return tmp_path


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Compiles a fake driver, which this process then uses."""
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler (apt install gcc)")

    def make(version=12050, starts=0):
        defines = [f"-DVERSION={version}", f"-DSTARTS={starts}"]
        target = tmp_path / f"libcuda.so.{version}"
        source = HERE / "libcuda.c"
        subprocess.run(["cc", "-shared", "-fPIC", *defines, source, "-o", target], check=True)
        monkeypatch.setattr(nvidia, "LIBRARY", str(target))

    return make


def test_gpus_are_found_by_their_nodes_and_by_name(bare, monkeypatch):
    assert nvidia.installed_gpus() == []
    (bare / "nvidiactl").touch()
    assert nvidia.installed_gpus() == ["NVIDIA GPU"]
    for node in ("nvidia0", "nvidia1", "nvidia-uvm"):
        (bare / node).touch()
    assert nvidia.installed_gpus() == ["NVIDIA GPU", "NVIDIA GPU"]
    smi = bare / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA A10G (UUID: GPU-5d8e)'\n")
    smi.chmod(0o755)
    assert nvidia.installed_gpus() == ["NVIDIA A10G"]
    smi.write_text("#!/bin/sh\necho 'Failed to initialize NVML: version mismatch'; exit 18\n")
    assert nvidia.installed_gpus() == ["NVIDIA GPU", "NVIDIA GPU"]


def test_auto_warns_of_a_gpu_that_cannot_be_used_and_asked_for_it_is_an_error(bare, capsys):
    assert choose.choose_devices("auto").first.name == "CPU:0"
    with pytest.raises(DeviceError, match=r"no NVIDIA GPU was found: libcuda-of-nobody\.so\.1"):
        choose.choose_devices("gpu")
    assert capsys.readouterr().out == ""
    (bare / "nvidia0").touch()
    assert choose.choose_devices("auto").first.name == "CPU:0"
    logged = capsys.readouterr().out
    assert logged.startswith(
        "THERE IS A GPU IN THIS MACHINE (NVIDIA GPU), BUT TENSORFLOW CANNOT USE"
    )
    assert "libcuda-of-nobody.so.1" in logged and logged.count("\n") == 1
    choose.choose_devices("cpu")
    with pytest.raises(DeviceError, match=r"NVIDIA GPU cannot be used: .*DEVICE=cpu") as caught:
        choose.choose_devices("gpu")
    assert caught.value.exit_code == 4 and "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_what_keeps_tensorflow_from_a_gpu_is_named(driver, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert "built without CUDA" in nvidia.why_unusable(None)
    driver(version=11040)
    assert "too old: it knows CUDA 11.4, and TensorFlow needs 12" in nvidia.why_unusable(CUDA)
    driver(starts=999)
    assert "does not start: CUDA_ERROR_OF_A_TEST" in nvidia.why_unusable(CUDA)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "CUDA_VISIBLE_DEVICES is '-1'" in nvidia.why_unusable(CUDA)


def test_the_driver_reports_a_gpus_memory(driver):
    driver()
    assert nvidia.gpu_memory(0) == (11 * 2**30, 16 * 2**30) and nvidia.gpu_memory(1) is None
    assert ctypes.CDLL(nvidia.LIBRARY).contexts_left() == 0


def test_a_convolution_proves_where_it_ran():
    soft = choose.tf.config.get_soft_device_placement()
    assert choose.probe("CPU:0") is None
    flaw = choose.probe("GPU:7")
    assert flaw.startswith("a convolution on GPU:7 failed: ") and "\n" not in flaw
    assert choose.tf.config.get_soft_device_placement() == soft


@pytest.fixture
def two_gpus(bare, monkeypatch):
    """Two GPUs as TensorFlow lists them, and the calls that set them up.

    `flaws` has the results of probes.
    """
    config = choose.tf.config
    gpus = [config.PhysicalDevice(f"/physical_device:GPU:{number}", "GPU") for number in range(2)]
    made = SimpleNamespace(gpus=gpus, calls=Mock(), flaws={}, capabilities=[(8, 6), (8, 6)])

    def details(gpu):
        capability = made.capabilities[gpus.index(gpu)]
        return {"device_name": "NVIDIA A10G", "compute_capability": capability}

    made.calls.probe.side_effect = made.flaws.get
    monkeypatch.setattr(choose, "probe", made.calls.probe)
    for name in ("list_physical_devices", "get_visible_devices"):
        monkeypatch.setattr(config, name, lambda kind: gpus)
    monkeypatch.setattr(config, "set_visible_devices", made.calls.show)
    monkeypatch.setattr(config.experimental, "set_memory_growth", made.calls.grow)
    monkeypatch.setattr(config.experimental, "enable_tensor_float_32_execution", made.calls.round)
    monkeypatch.setattr(config.experimental, "get_device_details", details)
    yield made
    monkeypatch.undo()
    choose.choose_devices("cpu")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_every_gpu_is_set_up_before_the_first_one_computes(two_gpus, wanted):
    """TensorFlow would take all memory of all of them, and refuses to change that later."""
    chosen = choose.choose_devices(wanted)
    assert two_gpus.calls.mock_calls == [
        *(call.grow(gpu, True) for gpu in two_gpus.gpus),
        *(call.round(False), call.probe("GPU:0"), call.probe("GPU:1")),
    ]
    assert [each.name for each in chosen.all] == ["GPU:0", "GPU:1"]
    assert str(chosen) == "2 × NVIDIA A10G, compute capability 8.6, fastest in bfloat16"
    two_gpus.calls.reset_mock()  # GPUs that are not wanted are hidden and left alone.
    assert [each.name for each in choose.choose_devices("cpu").all] == ["CPU:0"]
    assert two_gpus.calls.mock_calls == [call.show([], "GPU")]


def test_a_gpu_that_other_programs_use_is_named_with_what_they_leave_free(two_gpus, monkeypatch):
    found = [nvidia.GpuMemory(free * 2**30, 16 * 2**30) for free in (11, 15)]
    monkeypatch.setattr(nvidia, "gpu_memory", found.__getitem__)
    assert [str(each) for each in choose.choose_devices("gpu").all] == [
        "NVIDIA A10G, 16.0 GiB, of which 11.0 are free, compute capability 8.6, "
        "fastest in bfloat16",
        "NVIDIA A10G, 16.0 GiB, compute capability 8.6, fastest in bfloat16",
    ]


def test_convolutions_are_in_bfloat16_if_every_gpu_that_is_used_has_it(two_gpus):
    two_gpus.capabilities[1] = (7, 5)
    chosen = choose.choose_devices("gpu")
    assert [str(each).split(", ", 1)[1] for each in chosen.all] == [
        "compute capability 8.6, fastest in float16",
        "compute capability 7.5, fastest in float16",
    ]
    two_gpus.capabilities[1] = (6, 1)
    assert "fastest in float32" in str(choose.choose_devices("gpu"))
    two_gpus.flaws["GPU:1"] = "it broke"
    assert "fastest in bfloat16" in str(choose.choose_devices("gpu"))


def test_a_gpu_whose_convolution_fails_is_not_used(two_gpus, capsys):
    two_gpus.flaws["GPU:0"] = "it broke"
    chosen = choose.choose_devices("gpu")
    assert [each.name for each in chosen.all] == ["GPU:1"]
    assert str(chosen) == "NVIDIA A10G, compute capability 8.6, fastest in bfloat16"
    assert "NOT ALL GPUS CAN BE USED: it broke" in capsys.readouterr().out
    two_gpus.flaws["GPU:1"] = "it broke"
    with pytest.raises(DeviceError, match="NVIDIA A10G, NVIDIA A10G cannot be used: it broke"):
        choose.choose_devices("gpu")


@pytest.mark.parametrize(
    ("cpuinfo", "precision"),
    [
        ("vendor_id : AuthenticAMD\nflags : avx512f avx512_bf16", "bfloat16"),
        ("vendor_id : GenuineIntel\nflags : avx512f avx512_bf16 amx_bf16 amx_tile", "bfloat16"),
        ("vendor_id : GenuineIntel\nflags : avx512f avx512_bf16", "float32"),
        ("vendor_id : AuthenticAMD\nflags : avx2", "float32"),
        ("", "float32"),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_where_that_is_faster(cpuinfo, precision):
    assert choose.cpu_precision(cpuinfo) == precision
