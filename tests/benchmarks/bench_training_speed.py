"""Milliseconds of a step on two ranks with one thread and 64 rows each: ours, and MultiWorkerMirroredStrategy by hand.

By hand are: a loop of one's own with one step a call of TensorFlow, the same with ten, and `Model.fit`. All train the
same `mlp` from the same weights; they take turns, and the ratios are medians of those within each turn. Ours is timed
by the run's own history, the first epoch left out.

Adam divides by how much the gradients scatter, which is more for a rank's 64 rows than for all 128. So with `averaging`
it takes shorter steps; a learning rate sqrt(ranks) times as large makes up for it. The last table has both.

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
RANKS = 2
STEPS = 200
"""In an epoch of ours and of `fit`."""
SIZES = {128: 4, 1500: 2}
"""Units of the hidden layer, and epochs after the first."""
TITLES = {
    "loop": "by hand, own loop",
    "ten": "by hand, own loop, ten steps a call",
    "fit": "by hand, `Model.fit`",
    "ours": "ours, `multiworker`",
    "averaging": "ours, `averaging`, every 16",
}
RATE = 0.001
"""Adam's own."""


def measure(lab: Lab, plain: Plain, epochs: int, turns: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds a step by turn, and the losses of ours at the end."""
    times: dict[str, list[float]] = {name: [] for name in TITLES}
    losses: dict[str, float] = {}
    settings: dict[str, Any] = {"batch_size": BATCH}
    averaging: dict[str, Any] = settings | {"strategy": "averaging"}
    for turn in range(turns + 1):  # the first one warms all of them up
        few = 1 if turn == 0 else epochs
        times["loop"].append(plain.ask("loop", few * STEPS, 1))
        times["ten"].append(plain.ask("loop", few * STEPS, 10))
        times["fit"].append(plain.ask("fit", STEPS, 1 + max(1, few // 2)))
        for name, more in (
            ("ours", settings | {"strategy": "multiworker"}),
            ("averaging", averaging),
        ):
            run = lab.train("model", "rows", epochs=1 + few, **more)
            times[name].append(milliseconds(run, STEPS))
            losses[name] = run.history["loss"][-1]
    same = averaging | {"learning_rate": RATE}
    losses["same rate"] = lab.train("model", "rows", epochs=1 + epochs, **same).history["loss"][-1]
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
            plain = Plain(folder, model.folder / "initial.keras", x, y, ranks=RANKS, threads=1, batch=BATCH)
            try:
                times, losses = measure(lab, plain, SIZES.get(hidden, 3), options.turns)
            finally:
                plain.close()
            rows.append((model, times, losses))
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
        ["ratio", *(f"{model.num_parameters / 1e6:.2f} M" for model, *_ in rows), "target"],
        [
            [title, *(f"{ratio(times[above], times[below]):.2f}" for _, times, _ in rows), target]
            for title, above, below, target in (
                ("ours to own loop", "ours", "loop", "at most 1.05"),
                ("ours to own loop, ten steps a call", "ours", "ten", "at most 1.05"),
                ("`fit` to ours", "fit", "ours", "at least 1.5"),
                ("ours to averaging", "ours", "averaging", "at least 2.5"),
            )
        ],
    )
    print()
    table(
        ["training loss of the last epoch", *(f"{model.num_parameters / 1e6:.2f} M" for model, *_ in rows)],
        [
            [title, *(f"{losses[name]:.4f} ({losses[name] / losses['ours'] - 1:+.1%})" for *_, losses in rows)]
            for title, name in (
                ("`multiworker`", "ours"),
                (f"`averaging`, learning rate {RANKS**0.5:.2f} times as large (target: within 5 %)", "averaging"),
                ("`averaging`, same learning rate", "same rate"),
            )
        ],
    )


if __name__ == "__main__":
    main()
