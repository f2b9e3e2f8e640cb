"""A lab whose cluster has workers on three hosts, and a cable to one of them that is pulled.

Host 0 has the lab and the worker w0; beside it, as if it were another host, is side-0; across the cable are far-0 and
far-1. Only w0 sees the workspace. The tests are about one cluster, and leave it as they found it.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.display import size
from tests.cluster.hosts import ADDRESSES, BESIDE, REPOSITORY, Hosts, Program, two_hosts, why_not

WORKERS = {"w0": 0, "side-0": 2, "far-0": 1, "far-1": 1}
"""The host of each."""
NOTICED_SECONDS = 30.0
IDLE, BUSY = "idle", "busy"
"""Data sets: one that lies there, and one whose shards are opened on all workers, and so get to all hosts."""
UNITS = {"B": 1, "kB": 1e3}


class Net:
    """The programs on the hosts."""

    def __init__(self, hosts: Hosts, workspace: Path) -> None:
        self.hosts, self.workspace = hosts, workspace
        self.near = hosts.start(0, str(REPOSITORY / "tests/lab/near.py"), str(workspace), ADDRESSES[0])
        self.joined: list[Program] = []

    def join(self, host: int, name: str, *options: str, sees: bool = False, trains: bool = False) -> Program:
        """Have workers join that see the workspace or don't, and wait for the first.

        Those that don't train needn't load TensorFlow ahead.
        """
        invitation = self.workspace.parent / f"{name}.json"  # the workspace isn't there
        values = json.loads((self.workspace / "invitation.json").read_text())
        invitation.write_text(json.dumps({**values, "preload": values["preload"] if trains else []}))
        invitation.chmod(0o600)
        options = (f"--name={name}", "--threads=1", "--memory=1GB", "--device=cpu", *options)
        hides = None if sees else self.workspace
        program = self.hosts.start(host, "-m", "lepton_lab.cluster.join", str(invitation), *options, hides=hides)
        self.joined.append(program)
        self.near.expect(f"cluster: {name}-0 has joined")
        return program

    def ask(self, line: str, seconds: float = 60.0) -> Any:
        """What the lab answers to a line."""
        self.near.say(line)
        return self.answer(seconds)

    def answer(self, seconds: float = 60.0) -> Any:
        """What it answers to the last one."""
        return json.loads(self.near.answer(seconds))

    def pull(self) -> float:
        """Pull the cable; gives the seconds until it was noticed."""
        self.hosts.pull()
        return self._all_are("was lost: it can't be reached")

    def plug(self) -> float:
        """Put it in again; gives the seconds until all workers were back."""
        self.hosts.plug()
        return self._all_are("back")

    def _all_are(self, what: str) -> float:
        """Wait until both workers are so, which may be told at once or one after the other."""
        line, seconds = self.near.hear("cluster: far-", NOTICED_SECONDS)
        if line.count(what) < 2:
            seconds += self.near.hear("cluster: far-", NOTICED_SECONDS)[1]
        return seconds

    def done_from(self, calls: int) -> int:
        """Wait until a map has done so many calls; gives how many it has."""
        while (done := int(self.near.hear("map:")[0])) < calls:
            pass
        return done

    def wait_for(self, name: str, expected: dict[str, int], seconds: float = 30.0) -> Any:
        """Wait until each worker holds so many of a data set's shards; gives who holds what."""
        deadline = time.monotonic() + seconds
        while per_worker(held := self.ask(f"held {name}")) != expected or not is_true(held):
            assert time.monotonic() < deadline, (held, self.near.lines)
            time.sleep(0.2)
        return held

    def wait_for_even(self, name: str) -> Any:
        """Wait until all workers hold the same number."""
        return self.wait_for(name, dict.fromkeys(WORKERS, 4))

    def copied(self, name: str, since: int) -> float:
        """Bytes that were told as copied, from a line on."""
        lines = [line for line in self.near.lines[since:] if line.startswith(f"data place {name}: copied")]
        parts = [line.partition("copied ")[2].split() for line in lines]  # such as 12.6 kB of 12.6 kB
        return sum(float(done[0]) * UNITS[done[1]] for *done, _, total, unit in parts if done == [total, unit])

    def close(self) -> None:
        """End everything."""
        for program in (self.near, *self.joined):
            program.process.kill()
            program.process.wait()


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """The cluster, and `digits` in shards of two copies."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("net")
    with two_hosts() as hosts:
        net = Net(hosts, folder / "workspace")
        try:
            net.near.expect("ready")
            net.join(0, "side", "--workers=1", f"--host={BESIDE}")
            net.join(1, "far", "--workers=2")
            net.ask(f"present {len(WORKERS)}")
            yield net
            net.near.end()  # and with the lab its cluster, and with that all workers
            for program in net.joined[:2]:
                program.expect("The workers have ended, since the cluster at")
        finally:
            net.close()


def per_worker(held: dict[str, Any]) -> Counter[str]:
    """How many shards each worker holds, as the record says."""
    return Counter(node for nodes in held["nodes"] for node in nodes)


def is_true(held: dict[str, Any]) -> bool:
    """Whether all workers can open what they hold, as the record says."""
    return all(index in held["can"].get(node, ()) for index, nodes in enumerate(held["nodes"]) for node in nodes)


def hosts_of(nodes: list[str]) -> set[int]:
    return {WORKERS[node] for node in nodes}


def test_copies_are_on_several_hosts(net: Net) -> None:
    made = net.ask(f"shard {IDLE} hash")
    assert per_worker(made) == dict.fromkeys(WORKERS, 4) and is_true(made)
    assert all(len(hosts_of(nodes)) == 2 for nodes in made["nodes"])
    elsewhere = [(node, num) for nodes, num in zip(made["nodes"], made["bytes"], strict=True) for node in nodes]
    expected = Counter[str]()
    for node, num_bytes in elsewhere:
        expected[node] += num_bytes
    del expected["w0"]  # which sees the workspace
    moved = Counter[str]()
    for _, target, num_bytes in made["moves"]:
        moved[target] += num_bytes
    assert moved == expected
    assert f"{len(made['moves'])} copies made, {size(sum(moved.values()))} moved" in made["text"]
    print(f"{size(sum(moved.values()))} moved to other hosts")


def test_a_map_outlives_a_pulled_cable(net: Net) -> None:
    began = time.monotonic()
    net.near.say("wait 400 0.1")
    done = net.done_from(60)
    pulled = time.monotonic() - began
    noticed = net.pull()
    made = net.answer()
    ideal = pulled + (400 - done) * 0.1 / 2  # the two that are left do the rest
    print(
        f"pulled after {pulled:.1f} s, noticed in {noticed:.1f} s, done in {made['seconds']:.1f} s, ideal {ideal:.1f} s"
    )
    assert made["is_right"] and made["all"] == 400
    assert made["seconds"] < max(ideal, pulled + noticed) + 5
    print(f"back {net.plug():.1f} s after the plug")


def test_shards_outlive_a_pulled_cable(net: Net) -> None:
    net.ask(f"shard {BUSY} round_robin")
    before = net.wait_for_even(IDLE)
    net.near.say(f"sum {BUSY} 20")
    net.done_from(40)
    told = len(net.near.lines)
    noticed, lost = net.pull(), time.monotonic()
    made = net.answer()
    assert made["is_right"] and made["all"] == 160
    assert set(made["calls"]) == {"w0", "side-0"}
    print(f"noticed in {noticed:.1f} s, the map was done in {made['seconds']:.1f} s")
    # all shards have two copies again, on the hosts that are left; those that side-0 lacks are brought to it
    after = net.wait_for(IDLE, {"w0": 8, "side-0": 8})
    lacking = [num for num, nodes in zip(before["bytes"], before["nodes"], strict=True) if "side-0" not in nodes]
    assert net.copied(IDLE, told) == pytest.approx(sum(lacking), rel=0.01), (before, net.near.lines[told:])
    print(f"all copies again {time.monotonic() - lost:.1f} s after that, {size(sum(lacking))} moved")
    net.wait_for(BUSY, {"w0": 8, "side-0": 8})

    told = len(net.near.lines)
    print(f"back {net.plug():.1f} s after the plug")
    back = time.monotonic()
    even = net.wait_for_even(IDLE)
    far = {name: {index for index, nodes in enumerate(before["nodes"]) if name in nodes} for name in ("far-0", "far-1")}
    had = far["far-0"] | far["far-1"]  # copies outlive their workers
    new = [i for i, nodes in enumerate(even["nodes"]) if {"far-0", "far-1"} & {*nodes} and i not in had]
    expected = sum(even["bytes"][index] for index in new)
    assert net.copied(IDLE, told) == pytest.approx(expected, rel=0.01), (before, even, net.near.lines[told:])
    print(f"evened {time.monotonic() - back:.1f} s after that, {size(expected)} moved")
    net.wait_for_even(BUSY)
    assert net.ask(f"open {IDLE}") and net.ask(f"open {BUSY}")
    again = net.ask(f"sum {BUSY} 10")
    assert again["is_right"] and set(again["calls"]) == set(WORKERS) and min(again["calls"].values()) > 0
    assert all(len(hosts_of(nodes)) == 2 for nodes in (*even["nodes"], *after["nodes"]))


def test_a_training_takes_the_workers_that_see_the_workspace(net: Net) -> None:
    refused = net.ask("train 2")
    assert "far-0, far-1 and side-0 don't see" in refused["error"], refused
    assert len(refused["error"].splitlines()) == 1
    seeing = net.join(1, "open", "--workers=1", sees=True, trains=True)
    began = time.monotonic()
    run = net.ask("train", 90)
    print(f"trained in {time.monotonic() - began:.1f} s")
    assert set(run["workers"]) == {"w0", "open-0"} and run["restarts"] == 0
    assert run["accuracy"] > 0.5
    assert any("far-0, far-1 and side-0 don't see" in note for note in run["notes"]), run["notes"]
    seeing.process.send_signal(signal.SIGTERM)
    seeing.expect("The workers have left.")
    net.near.expect("cluster: open-0 has left")
