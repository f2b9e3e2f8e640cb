"""Does the sweep's cells, a model's in a process forked from one that has loaded what all of them need."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from lepton_lab.compress import _kernels, _measure
from lepton_lab.errors import LeptonError
from lepton_lab.forkserver._child import summary
from lepton_lab.runtime import _litert
from lepton_lab.train._strategy import set_devices

WORKS, REFUSED, FAULT = "works", "refused: ", "FAULT: "
CPU_SECONDS = 150
"""Of a cell: what takes longer is stuck. A busy machine's clock says nothing. Architectures have four times that."""
WALL_SECONDS = 1500.0


def sweep(wanted: Iterable[tuple[str, Iterable[str]]], channel: Any = None) -> dict[str, dict[str, str]]:
    """Results by model and road; each model's are also sent as a message `row` when they are there.

    Parameters
    ----------
    wanted
        Names of models, each with its roads; what these need is done before them.
    """
    _load()
    from tests.sweep.roads import BEFORE

    rows = {}
    for name, roads in wanted:
        with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
            done = _row(name, list(dict.fromkeys([*BEFORE, *roads])), Path(folder))
        rows[name] = {road: done[road] for road in roads}
        if channel is not None:
            channel.send("row", name, rows[name])
    return rows


def _load() -> None:
    """Import what cells need, without computing anything: what has begun to compute can't be forked."""
    import ai_edge_litert.interpreter
    import ai_edge_quantizer.quantizer
    import onnxruntime
    import tensorflow_model_optimization
    import tf2onnx

    from lepton_lab.runtime import import_keras3

    import_keras3()
    assert ai_edge_litert and ai_edge_quantizer and onnxruntime and tensorflow_model_optimization and tf2onnx


def _row(name: str, roads: list[str], folder: Path) -> dict[str, str]:
    """What comes of a model on roads; those that can't be gone since it can't be added end as adding does."""
    done: dict[str, str] = {}
    while left := [road for road in roads if road not in done]:
        for road, outcome in _in_child(name, left, folder):
            done[road] = outcome
        if done.get("add", WORKS) != WORKS:
            return dict.fromkeys(roads, done["add"])
    return done


def _in_child(name: str, roads: list[str], folder: Path) -> Iterator[tuple[str, str]]:
    """What comes of a model on one road after the other, until one of them ends the process."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        _cells(name, roads, folder, theirs)
    theirs.close()
    try:
        for road in roads:
            if not ours.poll(WALL_SECONDS):
                yield road, f"{FAULT}no end within {WALL_SECONDS:.0f} s"
                return
            yield road, ours.recv()
    except EOFError:
        yield road, f"{FAULT}it ended the process"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _cells(name: str, roads: list[str], folder: Path, line: Connection) -> NoReturn:
    """Go the roads, tell of each, and end the process."""
    from tests.sweep.here import SEAT

    set_devices(SEAT)
    _kernels._FEWEST_WEIGHTS = 8  # the smallest models' kernels are to be pruned and clustered, too
    _measure.resident = lambda *unused: None  # to measure takes half of the time, and is tested elsewhere
    _litert._WARM_UP, _litert._INVOCATIONS, _litert._SECONDS = 0, (1, 1), 0.0
    for road in roads:
        start = time.process_time()
        limit = round(start) + CPU_SECONDS * (4 if "/architecture/" in name else 1)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            outcome = _outcome(name, road, folder)
        except BaseException as error:
            traceback.print_exc()
            outcome = f"{FAULT}{summary(error)[:300]}"
        print(name, road, f"{time.process_time() - start:.1f} s of CPU time:", outcome, file=sys.stderr, flush=True)
        line.send(outcome)
    signal.pause()  # until all was read


def _outcome(name: str, road: str, folder: Path) -> str:
    from tests.sweep.cases import case_of
    from tests.sweep.here import Here
    from tests.sweep.roads import ROADS

    try:
        ROADS[road](Here(folder), case_of(name))
    except LeptonError as error:
        return REFUSED + stable(str(error))
    return WORKS


def stable(message: str) -> str:
    """An error's line without what differs from model to model: names in quotes, numbers, paths, lists of layers."""
    text = " ".join(message.split())
    text = re.sub(r"(?<![A-Za-z])'(?!tf\.)[^']{1,80}'", "_", text)  # no apostrophe
    text = re.sub(r"(?<![\w.])/[\w./+-]+", "PATH", text)
    text = re.sub(r", one of .*$", "", text)
    text = re.sub(r"(?<![A-Za-z_.])\d[\d.,]*(e-?\d+)?", "N", text)
    return text[:220]
