"""Memory within the limits of containers, systemd and `ulimit`."""

import resource
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from painterly.devices import system_memory
from painterly.devices.system_memory import cgroup_memory, least_free_memory, resident_memory

GB = 1_000_000_000
OWN = {1: "8:pids:/x\n4:cpu,memory:{path}\n0::/\n", 2: "0::{path}\n"}
FOLDER = {1: "sys/fs/cgroup/memory", 2: "sys/fs/cgroup"}
LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
USE = {1: "memory.usage_in_bytes", 2: "memory.current"}
CACHE = {1: "inactive_file 7\ntotal_inactive_file", 2: "inactive_file"}


class Machine:
    """Files as the kernel shows them, with the path of the process's cgroup."""

    def __init__(self, root, version, path):
        self.root, self.version = root, version
        self.write("proc/self/cgroup", OWN[version].format(path=path))

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def cgroup(self, path, limit="max", use=None, cache=0):
        folder, version = f"{FOLDER[self.version]}{path}", self.version
        self.write(f"{folder}/{LIMIT[version]}", f"{limit}\n")
        if use is not None:
            self.write(f"{folder}/{USE[version]}", f"{use}\n")
        self.write(f"{folder}/memory.stat", f"anon 5\n{CACHE[version]} {cache}\nfile 9\n")


@pytest.fixture(params=[1, 2])
def limited_machine(tmp_path, request):
    """A function that makes a machine with limits, of each version of cgroups."""
    return lambda path: Machine(tmp_path, request.param, path)


def test_limits_around_the_own_cgroup_count_and_page_cache_that_can_be_dropped_is_free(
    limited_machine, tmp_path
):
    made = limited_machine("/system.slice/paint.service/inner")
    made.cgroup("/system.slice/paint.service/inner", "max", GB)
    made.cgroup("/system.slice/paint.service", 3 * GB, GB)
    made.cgroup("/system.slice", 9 * GB, int(1.8 * GB), int(1.5 * GB))
    assert cgroup_memory(tmp_path) == [2 * GB, int(8.7 * GB)]


def test_a_containers_own_cgroup_is_found_where_it_is_mounted(limited_machine, tmp_path):
    """Without a namespace, a container sees the path on the host, and only its own cgroup."""
    for path in ("/docker/123", "/../elsewhere"):
        limited_machine(path).cgroup("/", 2 * GB, GB)
        assert cgroup_memory(tmp_path) == [GB]
    limited_machine("/docker/123/inner").cgroup("/inner", 3 * GB, GB)
    assert cgroup_memory(tmp_path) == [2 * GB, GB]


def test_a_limit_whose_use_is_unknown_is_no_limit(limited_machine, tmp_path):
    assert cgroup_memory(tmp_path) == []
    limited_machine("/").cgroup("/", 2 * GB)
    assert cgroup_memory(tmp_path) == []


def test_the_bound_at_which_a_cgroup_is_slowed_down_is_a_limit(tmp_path):
    made = Machine(tmp_path, 2, "/")
    made.cgroup("/", 5 * GB, GB)
    made.write("sys/fs/cgroup/memory.high", str(3 * GB))
    assert cgroup_memory(tmp_path) == [2 * GB]


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory")
def test_freed_memory_is_given_back_before_a_limit_is_reached():
    blocks = [b"x" * (100_000 + each) for each in range(4000)]
    before = resident_memory()
    del blocks[:-1]  # The last one stays: what is at the end of the heap is given back at once.
    least_free_memory(before + GB)
    assert resident_memory() < before - 300_000_000


def test_no_memory_is_given_back_while_there_is_plenty(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**13))
    monkeypatch.setattr(system_memory, "cgroup_memory", list)
    blocks = [b"x" * (100_000 + each) for each in range(4000)]
    before = resident_memory()
    del blocks[:-1]
    assert least_free_memory(None) == 10**13
    assert resident_memory() > before - 100_000_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux obeys these limits")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_ulimit_counts(limit):
    code = "from painterly.devices.system_memory import free_memory as f; print(f())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(getattr(resource, limit), (GB, GB)),
        capture_output=True,
        text=True,
    )
    assert 0 < int(done.stdout) < GB, done.stderr
