"""Milliseconds of a step on two ranks with one thread and 64 rows each: ours, and MultiWorkerMirroredStrategy by hand.

By hand are: a loop of one's own with one step a call of TensorFlow, the same with ten, and `Model.fit`. All train the
same `mlp` from the same weights; they take turns, and the ratios are medians of those within each turn. Ours is timed by
the run's own history, the first epoch left out.

LEPTON_TEST_DATA=FOLDER python tests/benchmarks/bench_training_speed.py    # FOLDER/mnist holds the four IDX files
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from lepton_lab.lab import Lab
from tests.benchmarks.training import Plain, lab_with, milliseconds, own_temporary_folder, pictures, ratio, table

BATCH = 128
STEPS = 200
"""In an epoch of ours and of `fit`."""
SIZES = {128: 6, 1500: 3}
"""Units of the hidden layer, and epochs after the first."""
TITLES = {
    "loop": "by hand, own loop",
    "ten": "by hand, own loop, ten steps a call",
    "fit": "by hand, `Model.fit`",
    "ours": "ours, `multiworker`",
    "averaging": "ours, `averaging`, every 16",
}


def measure(lab: Lab, plain: Plain, epochs: int, turns: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds a step by turn, and the losses of ours at the end."""
    times: dict[str, list[float]] = {name: [] for name in TITLES}
    losses: dict[str, float] = {}
    settings: dict[str, Any] = {"epochs": 1 + epochs, "batch_size": BATCH}
    for turn in range(turns + 1):  # the first one warms all of them up
        few = 1 if turn == 0 else epochs
        times["loop"].append(plain.ask("loop", few * STEPS, 1))
        times["ten"].append(plain.ask("loop", few * STEPS, 10))
        times["fit"].append(plain.ask("fit", STEPS, 1 + max(1, few // 2)))
        for name, strategy in (("ours", "multiworker"), ("averaging", "averaging")):
            run = lab.train("model", "rows", strategy=strategy, **settings | {"epochs": 1 + few})
            times[name].append(milliseconds(run, STEPS))
            losses[name] = run.history["loss"][-1]
    return {name: values[1:] for name, values in times.items()}, losses


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="*", default=list(SIZES))
    options = parser.parse_args()
    own_temporary_folder()
    x, y, source = pictures(BATCH * STEPS)
    rows = []
    with lab_with(x, y) as lab:
        for hidden in options.hidden:
            model = lab.model.new("model", kind="mlp", data="rows", hidden_size=hidden, num_layers=1)
            folder = Path(lab.workspace.folder) / f"plain-{hidden}"
            plain = Plain(folder, model.folder / "initial.keras", x, y, ranks=2, threads=1, batch=BATCH)
            try:
                times, losses = measure(lab, plain, SIZES.get(hidden, 3), options.turns)
            finally:
                plain.close()
            better = min(("loop", "ten"), key=lambda name: statistics.median(times[name]))
            rows.append((model, times, losses, better))
    print(f"{source}, {len(x):,} rows; two ranks, one thread and 64 rows each; median of {options.turns}, ms a step\n")
    table(
        ["", *(f"{model.num_parameters / 1e6:.2f} M parameters" for model, *_ in rows)],
        [
            [title, *(f"{statistics.median(times[name]):.2f}" for _, times, *_ in rows)]
            for name, title in TITLES.items()
        ],
    )
    print()
    table(
        [
            "parameters",
            "ours / loop",
            "ours / ten",
            "the better",
            "fit / ours",
            "ours / averaging",
            "loss of averaging",
        ],
        [
            [
                f"{model.num_parameters / 1e6:.2f} M",
                f"{ratio(times['ours'], times['loop']):.2f}",
                f"{ratio(times['ours'], times['ten']):.2f}",
                f"{TITLES[better]}: {ratio(times['ours'], times[better]):.2f} (target: at most 1.05)",
                f"{ratio(times['fit'], times['ours']):.2f} (target: at least 1.5)",
                f"{ratio(times['ours'], times['averaging']):.2f} (target: at least 2.5)",
                f"{losses['averaging']:.4f} to {losses['ours']:.4f}, {losses['averaging'] / losses['ours'] - 1:+.1%}",
            ]
            for model, times, losses, better in rows
        ],
    )


if __name__ == "__main__":
    main()
