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
from painterly.devices.trials import Trial
from painterly.errors import DeviceError

HERE = Path(__file__).parent
CUDA = "12.5.1"  # TensorFlow 2.21's


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Return the /dev of a machine without any trace of a GPU."""
    monkeypatch.setattr(nvidia, "DEVICES", tmp_path)
    monkeypatch.setattr(nvidia, "LIBRARY", "libcuda-of-nobody.so.1")
    # As where start.sh sees a GPU; elsewhere it installs a TensorFlow without CUDA.
    monkeypatch.setattr(choose, "cuda_version", lambda: CUDA)
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


def test_gpus_are_counted_without_tensorflow(driver, monkeypatch):
    monkeypatch.setattr(nvidia, "LIBRARY", "libcuda-of-nobody.so.1")
    assert nvidia.visible_gpus() == 0
    driver(starts=100)  # CUDA_ERROR_NO_DEVICE, as with an empty CUDA_VISIBLE_DEVICES
    assert nvidia.visible_gpus() == 0
    driver(version=12051)
    assert nvidia.visible_gpus() == 1


def test_tensorflow_with_cuda_is_known_even_if_it_does_not_name_the_version(monkeypatch):
    """As TensorFlow 2.22 from PyPI."""
    monkeypatch.setattr(choose.tf.sysconfig, "get_build_info", lambda: {"is_cuda_build": True})
    assert choose.cuda_version() == "12"


@pytest.fixture
def two_gpus(bare, monkeypatch):
    """Two GPUs as TensorFlow lists them, and the calls that set them up.

    `ends` has the code in Python that ends the trial of a GPU; others succeed.
    """
    config = choose.tf.config
    gpus = [config.PhysicalDevice(f"/physical_device:GPU:{number}", "GPU") for number in range(2)]
    made = SimpleNamespace(calls=Mock(), ends={}, capabilities=[(8, 6), (8, 6)])
    made.gpus, made.visible = gpus, gpus

    def details(gpu):
        capability = made.capabilities[gpus.index(gpu)]
        return {"device_name": "NVIDIA A10G", "compute_capability": capability}

    def show(shown, kind):
        made.calls.show(shown)
        made.visible = shown

    def devices(wanted):
        code = (
            f"import os, sys; ends = {made.ends}; number = [int(each) for each in sys.argv[1:]]\n"
            "for each in number or sorted(ends): exec(ends.get(each, ''))"
        )
        return choose.choose_devices(wanted, Trial([sys.executable, "-c", code], timeout_s=5))

    made.devices = devices
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(config, "get_visible_devices", lambda kind: made.visible)
    monkeypatch.setattr(config, "set_visible_devices", show)
    monkeypatch.setattr(config.experimental, "set_memory_growth", made.calls.grow)
    monkeypatch.setattr(config.experimental, "enable_tensor_float_32_execution", made.calls.round)
    monkeypatch.setattr(config.experimental, "get_device_details", details)
    yield made
    monkeypatch.undo()
    choose.choose_devices("cpu")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_every_gpu_is_set_up_before_the_first_one_computes(two_gpus, wanted):
    """TensorFlow would take all memory of all of them, and refuses to change that later."""
    chosen = two_gpus.devices(wanted)
    assert two_gpus.calls.mock_calls == [
        *(call.grow(gpu, True) for gpu in two_gpus.gpus),
        *(call.show(two_gpus.gpus), call.round(False)),
    ]
    assert [each.name for each in chosen.all] == ["GPU:0", "GPU:1"]
    assert str(chosen) == "2 × NVIDIA A10G, compute capability 8.6, fastest in bfloat16"
    two_gpus.calls.reset_mock()  # GPUs that are not wanted are hidden and left alone.
    assert [each.name for each in two_gpus.devices("cpu").all] == ["CPU:0"]
    assert two_gpus.calls.mock_calls == [call.show([])]


def test_a_gpu_that_other_programs_use_is_named_with_what_they_leave_free(two_gpus, monkeypatch):
    found = [nvidia.GpuMemory(free * 2**30, 16 * 2**30) for free in (11, 15)]
    monkeypatch.setattr(nvidia, "gpu_memory", found.__getitem__)
    used = (
        "NVIDIA A10G, 16.0 GiB, of which 11.0 are free, compute capability 8.6, fastest in bfloat16"
    )
    free = "NVIDIA A10G, 16.0 GiB, compute capability 8.6, fastest in bfloat16"
    assert [str(each) for each in two_gpus.devices("gpu").all] == [used, free]
    two_gpus.ends[0] = "os.abort()"  # The other one becomes TensorFlow's first.
    assert [(each.name, str(each)) for each in two_gpus.devices("gpu").all] == [("GPU:0", free)]


def test_convolutions_are_in_bfloat16_if_every_gpu_that_is_used_has_it(two_gpus):
    two_gpus.capabilities[1] = (7, 5)
    chosen = two_gpus.devices("gpu")
    assert [str(each).split(", ", 1)[1] for each in chosen.all] == [
        "compute capability 8.6, fastest in float16",
        "compute capability 7.5, fastest in float16",
    ]
    two_gpus.capabilities[1] = (6, 1)
    assert "fastest in float32" in str(two_gpus.devices("gpu"))
    two_gpus.ends[1] = "sys.exit('it broke')"
    assert "fastest in bfloat16" in str(two_gpus.devices("gpu"))


def test_a_gpu_whose_trial_fails_is_hidden_from_tensorflow(two_gpus, capsys):
    two_gpus.ends[0] = "sys.exit('it broke')"
    chosen = two_gpus.devices("gpu")
    assert [each.name for each in chosen.all] == ["GPU:0"]
    assert two_gpus.visible == two_gpus.gpus[1:]
    assert str(chosen) == "NVIDIA A10G, compute capability 8.6, fastest in bfloat16"
    assert capsys.readouterr().out == (
        "NOT ALL GPUS CAN BE USED: NVIDIA A10G with compute capability 8.6: "
        f"TensorFlow {choose.tf.__version__} fails there: it broke\n"
    )


def test_a_card_that_aborts_tensorflow_is_named_with_the_ways_out(two_gpus, capsys):
    two_gpus.capabilities[:] = [(12, 0), (12, 0)]
    error = "LLVM ERROR: PTX version 8.5 does not support target sm_120"
    two_gpus.ends = dict.fromkeys((0, 1), f"os.write(2, b'{error}'); os.abort()")
    assert [each.name for each in two_gpus.devices("auto").all] == ["CPU:0"]
    assert two_gpus.visible == []  # TensorFlow would still place operations there.
    logged = capsys.readouterr().out
    why = (
        f"TensorFlow {choose.tf.__version__} is ended there by SIGABRT: {error}; "
        "use another card, or preset instant, which needs no GPU"
    )
    assert logged.count("\n") == 1 and "AND PAINTS ON THE CPU, MANY TIMES SLOWER" in logged
    assert "(NVIDIA A10G with compute capability 12.0, " in logged
    assert logged.endswith(f": {why}. DEVICE=cpu avoids this warning.\n")
    with pytest.raises(DeviceError, match=r"compute capability 12\.0 cannot be used: ") as caught:
        two_gpus.devices("gpu")
    assert caught.value.exit_code == 4 and "\n" not in str(caught.value)
    assert str(caught.value).endswith(f": {why}; DEVICE=cpu paints without one")


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
