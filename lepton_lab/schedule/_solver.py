"""The integer program in a process of its own: `python _solver.py FOLDER`, with `given.npz` there and then `found.npz`.

There an interrupt ends it at once, which it doesn't within HiGHS, and what HiGHS prints now and then despite of its
settings is nobody's output. The file is run by its path and imports nothing of this package: that spares half a second.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    with np.load(folder / "given.npz", allow_pickle=False) as given:
        matrix = csr_array((given["data"], given["indices"], given["indptr"]), given["shape"])
        width = matrix.shape[1]
        result = milp(
            np.append(np.zeros(width - 1), 1.0),
            integrality=np.append(np.ones(width - 1), 0.0),
            constraints=LinearConstraint(matrix, given["low"], given["high"]),
            bounds=Bounds(0, np.append(np.ones(width - 1), float(given["best"]))),
            options={"time_limit": float(given["limit"])},
        )
    bound = result.mip_dual_bound
    np.savez(
        folder / "found.npz",
        is_impossible=result.status == 2,
        x=np.zeros(0) if result.x is None else result.x,
        bound=0.0 if bound is None else bound,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
