"""As many workers as there is work for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lepton_lab.cluster import Adapter, _adapt, parse_adapt
from lepton_lab.errors import ClusterError, InputError
from tests.cluster.processes import wait_until


class Workers:
    """A cluster's workers, counted."""

    def __init__(self) -> None:
        self.num, self.wanted = 1, 1
        self.changes: list[int] = []
        self.is_refusing = False

    def scale(self, num: int) -> None:
        if self.is_refusing:
            raise ClusterError("another kernel is just changing it")
        self.changes.append(num)
        self.num = num


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    monkeypatch.setattr(_adapt, "INTERVAL", 0.02)
    monkeypatch.setattr(_adapt, "PATIENCE", 0.5)
    made = Workers()
    adapter = Adapter((1, 4), lambda: made.wanted, lambda: made.num, made.scale)
    yield made
    adapter.stop()


def test_more_at_once_and_never_more_than_allowed(workers: Workers) -> None:
    workers.wanted = 3
    assert wait_until(lambda: workers.num == 3) < 0.5
    workers.wanted = 9
    wait_until(lambda: workers.num == 4)
    assert workers.changes == [3, 4]


def test_fewer_only_after_a_while(workers: Workers) -> None:
    workers.wanted = 4
    wait_until(lambda: workers.num == 4)
    workers.wanted = 0
    assert wait_until(lambda: workers.num == 1) > 0.45
    assert workers.changes == [4, 1]


def test_as_few_as_were_enough_all_the_while(workers: Workers) -> None:
    workers.wanted = 4
    wait_until(lambda: workers.num == 4)
    workers.wanted = 0
    wait_until(lambda: workers.num == 4, 0.2)
    workers.wanted = 2  # in between, two were wanted
    wait_until(lambda: workers.num == 2)
    assert workers.changes == [4, 2]


def test_a_change_that_is_refused_is_tried_again(workers: Workers) -> None:
    workers.is_refusing = True
    workers.wanted = 2
    with pytest.raises(AssertionError):
        wait_until(lambda: workers.num == 2, 0.2)
    workers.is_refusing = False
    wait_until(lambda: workers.num == 2)


@pytest.mark.parametrize("text", ["", "3", "0:2", "4:2", "a:b", "1:2:3", None])
def test_what_is_no_bounds(text: str) -> None:
    with pytest.raises(InputError, match="is not MIN:MAX: give the fewest and the most workers"):
        parse_adapt(text)


def test_bounds() -> None:
    assert parse_adapt("1:4") == (1, 4)
