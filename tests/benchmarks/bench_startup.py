"""What `import lepton_lab` and `%load_ext lepton_lab` cost, in fresh processes that take turns.

python tests/benchmarks/bench_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 9
LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.perf_counter()
shell.extension_manager.load_extension("lepton_lab")
print(time.perf_counter() - started)
"""


def seconds_of(code: str) -> float:
    """Wall time of a fresh interpreter that runs `code`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def load_seconds() -> float:
    """Time of `%load_ext lepton_lab` alone, in a fresh IPython shell."""
    out = subprocess.run([sys.executable, "-c", LOAD], check=True, capture_output=True, text=True).stdout
    return float(out.splitlines()[-1])


def main() -> None:
    rounds = [(seconds_of("pass"), seconds_of("import lepton_lab"), load_seconds()) for _ in range(ROUNDS)]
    bare, imported, loaded = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"Start-up, median of {ROUNDS}\n\n| what | seconds |\n|---|---|")
    print(f"| bare Python | {bare:.3f} |")
    print(f"| with `import lepton_lab` | {imported:.3f} ({imported - bare:+.3f}) |")
    print(f"| `%load_ext lepton_lab` | {loaded:.3f} |")


if __name__ == "__main__":
    main()
