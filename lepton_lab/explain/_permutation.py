"""Permutation importance: how much worse a model gets when a column's values are dealt out anew among the rows.

A column that the model can do without costs nothing. It asks the model for answers only, so it works with any format,
and it is about the model as a whole and about these rows, not about one row. Columns that say the same thing hide each
other: while one is shuffled the other still tells.

Breiman, "Random Forests", Machine Learning 45, 2001, section 10; Fisher, Rudin, Dominici, "All Models are Wrong, but
Many are Useful", JMLR 20(177), 2019
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.explain._base import AT_ONCE, Found, Task
from lepton_lab.explain._units import describe_units, units
from lepton_lab.runtime import METRICS, score

MEANING = "how much worse the model gets when a column, or a patch of pictures, is shuffled; any format"
ROWS = 500
NEEDS_GRADIENTS = False
NEEDS_SHAP = False


def explain(task: Task) -> Found:
    """The drop of the metric (of `mae`, its growth) at each repeat and for each unit: `values` (repeats, *layout)."""
    if len(task.rows) < 2:
        raise InputError(f"permutation deals values out among rows, and came with {len(task.rows)}: give --rows more.")
    places, layout = units(task.rows.shape[1:])
    metric, kind = METRICS[task.dataset.target.kind], task.dataset.target.kind
    drops: list[float] = []
    plain = task.answers(task.rows)
    logits = ("",) if task.are_logits(plain) else ()
    before = score(plain, task.targets, kind, logits)[metric]
    total = task.options.repeats * int(np.prod(layout))
    at_once = max(1, AT_ONCE // task.rows.size)
    waiting = _shuffled(task, places)
    while several := list(islice(waiting, at_once)):
        task.tell(f"{len(drops)} of {total} shuffles", len(drops) / total)
        answers = task.answers(np.concatenate(several)).reshape(len(several), len(task.rows), -1)
        drops += [before - score(answer, task.targets, kind, logits)[metric] for answer in answers]
    values = np.asarray(drops, np.float32).reshape(task.options.repeats, *layout)
    note = f"{describe_units(layout)}, {task.options.repeats} shuffles of each; {metric} without any: {before:.4f}"
    return Found(-values if metric == "mae" else values, notes=(note,))


def _shuffled(task: Task, places: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """The rows with one unit's values dealt out anew, unit by unit, repeat by repeat."""
    random = np.random.default_rng(task.options.seed)
    for _ in range(task.options.repeats):
        for unit in range(int(places.max()) + 1):
            yield np.where(places == unit, task.rows[random.permutation(len(task.rows))], task.rows)
