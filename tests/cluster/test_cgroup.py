"""What control groups allow, read from made trees."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lepton_lab.cluster import _host
from lepton_lab.cluster._cgroup import Limits, limits


def tree(root: Path, own: str, files: dict[str, str]) -> Path:
    """A file system with `/proc/self/cgroup` and files below `/sys/fs/cgroup`."""
    for name, text in {
        "proc/self/cgroup": own,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        pytest.param("0::/", {}, Limits(), id="nothing is said"),
        pytest.param("0::/", {"cpu.max": "max 100000", "memory.max": "max"}, Limits(), id="no limit"),
        pytest.param("0::/", {"cpu.max": "150000 100000", "memory.max": "4096"}, Limits(1.5, 4096), id="container, v2"),
        pytest.param(
            "0::/user.slice/job.scope",
            {"user.slice/job.scope/cpu.max": "400000 100000", "user.slice/job.scope/memory.max": "1000"},
            Limits(4.0, 1000),
            id="own group, v2",
        ),
        pytest.param(
            "0::/user.slice/job.scope",
            {
                "user.slice/job.scope/cpu.max": "400000 100000",
                "user.slice/cpu.max": "100000 50000",
                "user.slice/job.scope/memory.max": "max",
                "user.slice/memory.max": "7000",
                "memory.max": "9000",
            },
            Limits(2.0, 7000),
            id="a group above is tighter, v2",
        ),
        pytest.param(
            "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1",
            {
                "cpu,cpuacct/docker/1/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
                "memory/docker/1/memory.limit_in_bytes": "5000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            Limits(2.5, 5000),
            id="own group, v1",
        ),
        pytest.param(
            "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1",
            {
                "cpu/cpu.cfs_quota_us": "100000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "6000",
            },
            Limits(1.0, 6000),
            id="the host's path in a container, v1",
        ),
        pytest.param(
            "4:memory:/a\n0::/b",
            {"memory/a/memory.limit_in_bytes": "3000", "unified/b/cpu.max": "300000 100000"},
            Limits(3.0, 3000),
            id="both versions",
        ),
        pytest.param("0::/../../x", {"cpu.max": "200000 100000"}, Limits(2.0), id="outside of the namespace"),
        pytest.param("0::/", {"cpu.max": "rubbish", "memory.max": ""}, Limits(), id="rubbish"),
    ],
)
def test_the_tightest_of_the_own_group_and_those_above(
    tmp_path: Path, own: str, files: dict[str, str], expected: Limits
) -> None:
    assert limits(tree(tmp_path, own, files)) == expected


def test_another_group_s_limits_are_not_ours(tmp_path: Path) -> None:
    assert limits(tree(tmp_path, "0::/mine", {"other/memory.max": "1", "other/cpu.max": "1 100"})) == Limits()


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert limits(tmp_path) == Limits(math.inf, math.inf)


def test_this_machine_keeps_within_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lepton_lab.cluster._host._cgroup.limits", lambda: Limits(0.3, 12345))
    assert (_host.num_cores(), _host.memory_bytes()) == (1, 12345)
