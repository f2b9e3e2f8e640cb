"""What a search tries: chains of techniques, the ones that pay most often first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SEARCH = "search"
"""What a line has in the place of a technique."""
SEARCHING = "tries many ways and chains of them in parallel, and picks by a budget"


@dataclass(frozen=True)
class Step:
    """One technique of a chain, with the settings that are not its defaults."""

    technique: str
    tag: str
    """What is appended to the model's name."""
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


def _scheme(scheme: str) -> Step:
    return Step("quantize", scheme, {"scheme": scheme})


def _prune(sparsity: float) -> Step:
    return Step("prune", f"p{100 * sparsity:.0f}", {"sparsity": sparsity})


_CLUSTER, _QAT = Step("cluster", "c16", {"clusters": 16}), Step("qat", "qat")

RECIPES: tuple[tuple[Step, ...], ...] = (
    (_scheme("int8"),),
    (_scheme("dynamic"),),
    (_prune(0.8), _scheme("dynamic")),
    (_prune(0.9), _CLUSTER, _QAT),
    (_QAT,),
    (_prune(0.8), _CLUSTER, _QAT),
    (_scheme("mixed"),),
    (_prune(0.9), _scheme("dynamic")),
    (_scheme("int4"),),
    (_prune(0.9), _QAT),
    (_CLUSTER, _QAT),
    (_prune(0.8), _QAT),
    (Step("distill", "w50", {"width": 0.5}), _scheme("int8")),
    (_prune(0.95), _CLUSTER, _QAT),
    (_scheme("float16"),),
)
"""Chains that begin alike share what they have in common: each of their stages is made once. int16x8 is none of
them, being slow on every CPU without being smaller than int8."""


def stages(model: str, recipes: int) -> dict[str, tuple[str, Step]]:
    """By the new model's name the name of the one that it is made from and the step, parents first.

    Parameters
    ----------
    model
        The name of the model that one begins with.
    recipes
        How many chains to take, from the first on.
    """
    found: dict[str, tuple[str, Step]] = {}
    for recipe in RECIPES[:recipes]:
        parent = model
        for step in recipe:
            name = f"{parent}-{step.tag}"
            found.setdefault(name, (parent, step))
            parent = name
    return found
