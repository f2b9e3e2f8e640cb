"""Permutation importance: how much worse a model gets when a column's values are dealt out anew among the rows.

A column that the model can do without costs nothing. It asks the model for answers only, so it works with any format,
and it is about the model as a whole and about these rows, not about one row. Columns that say the same thing hide each
other: while one is shuffled the other still tells.

Breiman, "Random Forests", Machine Learning 45, 2001, section 10; Fisher, Rudin, Dominici, "All Models are Wrong, but
Many are Useful", JMLR 20(177), 2019
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.explain._base import AT_ONCE, Found, Task, numbers_of
from lepton_lab.explain._units import describe_units, names_within, units
from lepton_lab.runtime import judged_by, logits_among, score
from lepton_lab.types import by_name, records

MEANING = "how much worse the model gets when a column, or a patch of pictures, is shuffled; any model and format"
ROWS = 500
NEEDS_GRADIENTS = False
NEEDS_SHAP = False
TAKES_SEVERAL = True


def explain(task: Task) -> Found:
    """The drop of the metric (of `mae`, its growth) at each repeat and for each unit: `values` (repeats, *layout).

    Of several inputs the units stand side by side, in the inputs' order, so that `values` is (repeats, units); of
    several targets the first one's metric speaks for the model.
    """
    if len(task.rows) < 2:
        raise InputError(f"permutation deals values out among rows, and came with {len(task.rows)}: give --rows more.")
    parts = by_name(task.rows)
    cut = {name: units(rows.shape[1:]) for name, rows in parts.items()}
    counts = {name: int(np.prod(layout)) for name, (_, layout) in cut.items()}
    metric, kind = next(iter(judged_by(task.dataset).items()))
    drops: list[float] = []
    plain = task.answers(task.rows)
    logits = logits_among(task.model, task.dataset, plain)
    before = score(plain, task.targets, kind, logits)[metric]
    total = task.options.repeats * sum(counts.values())
    at_once = max(1, AT_ONCE // (numbers_of(task.rows) * len(task.rows)))
    waiting = _shuffled(task, {name: places for name, (places, _) in cut.items()})
    while several := list(islice(waiting, at_once)):
        task.tell(f"{len(drops)} of {total} shuffles", len(drops) / total)
        answers = np.split(task.answers(np.concatenate(several)), len(several))
        drops += [before - score(answer, task.targets, kind, logits)[metric] for answer in answers]
    is_one = len(parts) == 1
    layout = next(iter(cut.values()))[1] if is_one else (sum(counts.values()),)
    values = np.asarray(drops, np.float32).reshape(task.options.repeats, *layout)
    what = describe_units(layout) if is_one else f"{len(parts)} inputs with {layout[0]} columns or patches"
    note = f"{what}, {task.options.repeats} shuffles of each; {metric} without any: {before:.4f}"
    names = () if is_one else tuple(name for each in cut for name in names_within(each, cut[each][1]))
    return Found(-values if kind == "numbers" else values, names=names, notes=(note,))


def _shuffled(task: Task, places: Mapping[str, NDArray[np.int64]]) -> Iterator[NDArray[Any]]:
    """The rows with one unit's values dealt out anew, unit by unit, repeat by repeat."""
    random = np.random.default_rng(task.options.seed)
    parts = by_name(task.rows)
    for _ in range(task.options.repeats):
        for name, rows in parts.items():
            for unit in range(int(places[name].max()) + 1):
                dealt = np.where(places[name] == unit, rows[random.permutation(len(rows))], rows)
                yield dealt if name == "" else records({**parts, name: dealt})
