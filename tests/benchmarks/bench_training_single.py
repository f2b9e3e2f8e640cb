"""Examples per second of `cnn` in one process with two threads: ours (`single`), and `Model.fit` on arrays in memory.

Both train the same model from the same weights, and the first epoch of each is left out; they take turns, and the ratio
is the median of those within each turn.

LEPTON_TEST_DATA=FOLDER python tests/benchmarks/bench_training_single.py   # FOLDER/mnist holds the four IDX files
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from tests.benchmarks.training import Plain, lab_with, milliseconds, own_temporary_folder, pictures, ratio, table

BATCHES = (64, 128)
ROWS = 12_800
EPOCHS = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    own_temporary_folder()
    x, y, source = pictures(ROWS)
    rows = []
    with lab_with(x, y) as lab:
        model = lab.model.new("cnn", kind="cnn", data="rows")
        for batch in BATCHES:
            folder = Path(lab.workspace.folder) / f"plain-{batch}"
            plain = Plain(folder, model.folder / "initial.keras", x, y, ranks=1, threads=2, batch=batch)
            ours, theirs = [], []  # milliseconds a step
            try:
                for turn in range(turns + 1):  # the first one warms both of them up
                    few = 2 if turn == 0 else EPOCHS
                    run = lab.train("cnn", "rows", strategy="single", epochs=few, batch_size=batch)
                    ours.append(milliseconds(run, -(-ROWS // batch)))
                    theirs.append(plain.ask("arrays", ROWS, few))
            finally:
                plain.close()
            rates = [1000 * batch / statistics.median(times[1:]) for times in (ours, theirs)]
            rows.append([batch, *(f"{rate:,.0f}" for rate in rates), f"{ratio(theirs[1:], ours[1:]):.2f}"])
    print(f"{source}, {ROWS:,} rows, `cnn`, one process with two threads; median of {turns}, examples/s\n")
    table(["batch", "ours, `single`", "plain `Model.fit`", "ratio (target: at least 1.0)"], rows)


if __name__ == "__main__":
    main()
