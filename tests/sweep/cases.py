"""Every model of the sweep by its name: layers, activations and architectures of both libraries, with rows for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.sweep import layers
from tests.sweep.architectures import ARCHITECTURES, CLASSES, Rows

LIBRARIES = ("tf_keras", "keras")
KINDS = ("architecture", "activation", "layer")
Target = Literal["classes", "numbers", "labels", "mask"]
_WORDS = ("red", "green", "blue", "some")


@dataclass(frozen=True)
class Case:
    """One model, and what it is trained on."""

    name: str
    """`library/kind/name`."""
    build: Callable[[], Any]

    @property
    def library(self) -> Any:
        """The module."""
        return library(self.name.partition("/")[0])

    def rows(self, model: Any, num_rows: int) -> Any:
        """Random rows that the model takes, for each input by its name where it has several."""
        kind, short = self.name.split("/")[1:]
        if kind == "architecture":
            own = list(ARCHITECTURES[short].inputs.values())
        elif kind == "activation":
            own = [Rows((6,))]
        else:
            spec = layers.spec_of(short)
            own = [Rows(spec.shape, spec.dtype, 7 if spec.dtype.startswith("int") else 0)] * spec.inputs
        names = _names(model.inputs)
        if kind == "architecture" and len(own) > 1:
            names = list(ARCHITECTURES[short].inputs)
        made = {name: _drawn(one, num_rows, seed) for seed, (name, one) in enumerate(zip(names, own, strict=True))}
        return made if len(made) > 1 else next(iter(made.values()))

    def targets(self, model: Any, num_rows: int) -> Any:
        """Random targets for each output by its name where it has several."""
        kind, short = self.name.split("/")[1:]
        wanted: dict[str, Target] = {}
        if kind == "architecture":
            wanted = dict(ARCHITECTURES[short].targets)
        elif len(model.outputs) > 1:
            wanted = dict.fromkeys(model.output_names, "classes")
        else:
            wanted = {"answer": "classes"}
        shapes = [tuple(tensor.shape[1:]) for tensor in model.outputs]
        made = {}
        for number, (name, what) in enumerate(wanted.items()):
            random, shape = np.random.default_rng(number), shapes[number] if len(shapes) == 1 else (1,)
            num_classes = CLASSES if kind == "architecture" else layers.CLASSES
            if what == "classes":
                made[name] = np.arange(num_rows) % num_classes
            elif what == "labels":
                made[name] = np.arange(num_rows) % 2
            elif what == "mask":
                made[name] = random.integers(0, shape[-1], (num_rows, *shape[:-1]))
            else:
                made[name] = random.normal(0, 1, (num_rows, *shape)).astype(np.float32)
        return made if len(made) > 1 else next(iter(made.values()))


def library(name: str) -> Any:
    """The module of that name, as the product imports it."""
    if name == "keras":
        from lepton_lab.runtime import import_keras3

        return import_keras3()
    import tf_keras

    return tf_keras


def names() -> list[str]:
    """All names, in a process that has TensorFlow."""
    found = []
    for one in LIBRARIES:
        found += [f"{one}/architecture/{name}" for name in ARCHITECTURES]
        found += [f"{one}/activation/{name}" for name in layers.activation_names(library(one))]
        found += [f"{one}/layer/{name}" for name in layers.layer_names(library(one))]
    return found


def case_of(name: str) -> Case:
    """The case of a name."""
    of, kind, short = name.split("/")
    if kind == "architecture":
        return Case(name, lambda: ARCHITECTURES[short].model(library(of)))
    make = layers.layer_model if kind == "layer" else layers.activation_model
    return Case(name, lambda: make(library(of), short))


def _names(inputs: Any) -> list[str]:
    return [tensor.name.partition(":")[0] for tensor in inputs]


def _drawn(rows: Rows, num_rows: int, seed: int) -> NDArray[Any]:
    if rows.dtype == "string":
        random = np.random.default_rng(seed)
        return random.choice(np.array(_WORDS), (num_rows, *rows.shape))
    return rows.draw(num_rows, seed)
