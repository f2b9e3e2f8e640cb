"""Who is here, who is missing, and what is said of it."""

from __future__ import annotations

from typing import Any

from lepton_lab.cluster._roll import UNREACHABLE, Exit, Roll, exits_from


def described(**addresses: str) -> dict[str, dict[str, Any]]:
    """As the scheduler tells it."""
    return {
        address: {"name": name, "host": "h", "nthreads": 1, "memory_limit": 10} for name, address in addresses.items()
    }


def roll(expected: set[str], left: set[str] = frozenset(), patience: float = 0.0) -> Roll:  # type: ignore[assignment]
    return Roll(lambda: expected, lambda address: address in left, patience)


def test_the_first_look_is_no_news() -> None:
    it = roll({"w0", "w1"})
    assert it.call(described(w0="a"), []) == []
    assert [worker.name for worker in it.here] == ["w0"]
    assert [(worker.name, worker.state) for worker in it.missing] == [("w1", "starting")]
    it.call(described(w0="a"), [])
    assert [worker.state for worker in it.missing] == ["starting"]
    assert it.call(described(w0="a", w1="b"), []) == ["w1 has joined"]
    assert it.missing == ()


def test_one_that_dies_while_it_starts_is_lost() -> None:
    it = roll({"w0"})
    it.call({}, [])
    it.call({}, [Exit("w0", "it ended with status 1", 1.0)])
    assert [(w.state, w.why) for w in it.missing] == [("lost", "it ended with status 1")]


def test_lost_and_back() -> None:
    it = roll({"w0", "w1"})
    it.call(described(w0="a", w1="b"), [])
    exits = [Exit("w1", "it was killed by SIGKILL", 1.0)]
    assert it.call(described(w0="a"), exits) == ["w1 was lost: it was killed by SIGKILL"]
    assert [(w.name, w.state, w.why) for w in it.missing] == [("w1", "lost", "it was killed by SIGKILL")]
    assert it.call(described(w0="a"), exits) == []
    assert it.call(described(w0="a", w1="c"), exits) == ["w1 is back"]
    assert [(w.name, w.losses) for w in it.here] == [("w0", 0), ("w1", 1)]


def test_lost_and_back_between_two_looks() -> None:
    it = roll({"w0"})
    it.call(described(w0="a"), [])
    assert it.call(described(w0="b"), [Exit("w0", "it ended with status 1", 1.0)]) == [
        "w0 was lost (it ended with status 1) and started again"
    ]


def test_the_reason_of_an_earlier_loss_is_not_taken_for_that_of_a_later_one() -> None:
    exits = [Exit("w0", "it was killed by SIGKILL", 1.0)]
    it = roll({"w0"})
    it.call(described(w0="b"), exits)
    assert it.call({}, exits) == [f"w0 was lost: {UNREACHABLE}"]
    exits.append(Exit("w0", "it ran out of memory", 2.0))  # told a moment later
    assert it.call({}, exits) == []
    assert it.missing[0].why == "it ran out of memory"


def test_a_reason_that_is_told_before_the_loss() -> None:
    it, exits = roll({"w0"}), [Exit("w0", "it was killed by SIGKILL", 1.0)]
    it.call(described(w0="a"), [])
    assert it.call(described(w0="a"), exits) == []  # the scheduler doesn't know it yet
    assert it.call({}, exits) == ["w0 was lost: it was killed by SIGKILL"]
    assert it.call(described(w0="b"), exits) == ["w0 is back"]
    assert it.call({}, exits) == [f"w0 was lost: {UNREACHABLE}"]


def test_a_reason_is_waited_for() -> None:
    it, exits = roll({"w0"}, patience=60), [Exit("w0", "it was killed by SIGKILL", 1.0)]
    it.call(described(w0="a"), exits)
    assert it.call({}, exits) == [] and it.missing[0].state == "lost"
    assert it.call({}, exits) == []
    exits.append(Exit("w0", "it ran out of memory", 2.0))
    assert it.call({}, exits) == ["w0 was lost: it ran out of memory"]
    assert it.call({}, exits) == []
    assert it.call(described(w0="b"), exits) == ["w0 is back"]


def test_one_that_is_back_before_its_reason_is_told() -> None:
    it, exits = roll({"w0"}, patience=60), [Exit("w0", "it was killed by SIGKILL", 1.0)]
    it.call(described(w0="a"), exits)
    assert it.call({}, exits) == []
    assert it.call(described(w0="b"), exits) == [f"w0 was lost ({UNREACHABLE}) and started again"]
    assert it.call({}, exits) == []
    assert it.call(described(w0="c"), [*exits, Exit("w0", "it ran out of memory", 2.0)]) == [
        "w0 was lost (it ran out of memory) and started again"
    ]


def test_one_that_left_on_purpose_is_not_missed() -> None:
    it = roll({"w0"}, left={"far"})
    it.call(described(w0="a", guest="far"), [])
    assert it.call(described(w0="a"), []) == ["guest has left"]
    assert it.missing == ()


def test_a_lost_worker_that_was_given_up_is_not_missed() -> None:
    expected = {"w0", "w1"}
    it = roll(expected)
    it.call(described(w0="a", w1="b"), [])
    it.call(described(w0="a"), [])
    expected.remove("w1")
    it.call(described(w0="a"), [])
    assert it.missing == ()


def test_events_as_the_scheduler_keeps_them() -> None:
    assert exits_from([(5.0, {"worker": "w0", "why": "x", "time": 4.0})]) == [Exit("w0", "x", 4.0)]
