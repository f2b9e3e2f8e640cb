"""What a process's log says of its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab.cluster._logs import cause

CHAIN = """2026-01-01 - distributed.scheduler - INFO - State start
Traceback (most recent call last):
  File "core.py", line 512, in start
    raise OSError("no")
OSError: [Errno 98] Address already in use

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "core.py", line 517, in start
    raise RuntimeError from exc
RuntimeError: Scheduler failed to start.
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHAIN, "OSError: [Errno 98] Address already in use"),
        ("a module.Error is near\nlast words\n\n", "last words"),
        ("", ""),
    ],
)
def test_the_cause_is_the_first_exception(tmp_path: Path, text: str, expected: str) -> None:
    log = tmp_path / "scheduler.log"
    log.write_text(text)
    assert cause(log) == expected


def test_no_log_has_no_cause(tmp_path: Path) -> None:
    assert cause(tmp_path / "none.log") == ""
