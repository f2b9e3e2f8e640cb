"""What works: every technique, combination and export format on five kinds of models, on digits.

python -m tests.benchmarks.bench_zoo        # from the checkout; two workers

A cell has the change of accuracy in points and how many times smaller the file is after gzip; or the words with which
it is refused. Of exports it has the greatest difference from the notebook's model on 256 rows.
"""

from __future__ import annotations

import tempfile
from typing import Any

from lepton_lab.errors import LeptonError
from lepton_lab.lab import Lab
from lepton_lab.types import CompressedModel
from tests.zoo import BUILDERS

EPOCHS = 8
STAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "prune 0.8": ("", "prune", {}),
    "prune 0.8, constant": ("", "prune", {"schedule": "constant"}),
    "prune 2:4": ("", "prune", {"m_by_n": "2:4"}),
    "cluster 16": ("", "cluster", {}),
    "prune, cluster": ("prune 0.8", "cluster", {}),
    "QAT": ("", "qat", {}),
    "PQAT": ("prune 0.8", "qat", {}),
    "CQAT": ("cluster 16", "qat", {}),
    "PCQAT": ("prune, cluster", "qat", {}),
    "distill 0.5": ("", "distill", {"epochs": 30}),
    **{
        scheme: ("", "quantize", {"scheme": scheme})
        for scheme in ("dynamic", "float16", "int8", "int16x8", "int4", "mixed")
    },
}
FORMATS = ("keras", "saved_model", "tflite", "onnx", "container")


def compressed(lab: Lab, name: str, label: str) -> str:
    """A cell of the first table."""
    parent, technique, settings = STAGES[label]
    places = list(STAGES)
    source = f"{name}-{places.index(parent)}" if parent else name
    tuning = {} if technique == "quantize" else {"epochs": EPOCHS, "batch_size": 32}
    try:
        made = lab.compress(source, technique, **tuning | settings, name=f"{name}-{places.index(label)}")
    except LeptonError as error:
        return str(error)
    assert isinstance(made, CompressedModel)
    whole = lab.model.measures()[name][-1] if parent else made.before
    change = 100 * ((made.after.accuracy or 0) - (whole.accuracy or 0))
    return f"{change:+.2f}, {whole.gzip_bytes / made.after.gzip_bytes:.1f} x"


def exported(lab: Lab, name: str, format: str) -> str:
    """A cell of the second."""
    try:
        return f"{lab.export(name, format).agreement.max_difference:.1e}"
    except LeptonError as error:
        return str(error)


def main() -> None:
    with tempfile.TemporaryDirectory() as workspace, Lab(workspace) as lab:
        lab.cluster.up(workers=2, threads=1)
        lab.data.load("digits")
        accuracies = []
        for name, source in BUILDERS.items():
            lab.model.new(name, builder=source, data="digits")
            run = lab.train(name, "digits", epochs=30, batch_size=32, strategy="multiworker")
            accuracies.append(f"{run.metrics['test_accuracy']:.2%}")
        print(f"| | {' | '.join(BUILDERS)} |\n|---|{'---|' * len(BUILDERS)}\n| float32 | {' | '.join(accuracies)} |")
        for label in STAGES:
            print(f"| {label} | {' | '.join(compressed(lab, name, label) for name in BUILDERS)} |", flush=True)
        print(f"\n| | {' | '.join(BUILDERS)} |\n|---|{'---|' * len(BUILDERS)}")
        for format in FORMATS:
            print(f"| {format} | {' | '.join(exported(lab, name, format) for name in BUILDERS)} |", flush=True)
        best = list(STAGES).index("PCQAT")
        for format in ("tflite", "onnx", "container"):
            cells = (exported(lab, f"{name}-{best}", format) for name in BUILDERS)
            print(f"| PCQAT as {format} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
