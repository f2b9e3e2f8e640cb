"""Stage 4: a smaller model of a model, and what that cost.

A *technique* is a module of its own, listed in `TECHNIQUES`: it says what it would do to each layer (`preflight`), and
either changes a training by its hook, or makes a `.tflite` file with fewer bits (`quantize`, by one of the `SCHEMES`).
`measure` and `compare` say what a model costs and is worth, `inspect_layers` what each of its layers is like.
"""

from lepton_lab.compress._base import Shape
from lepton_lab.compress._budget import read_budget
from lepton_lab.compress._distill import make_student
from lepton_lab.compress._front import mark_front, on_front, pick, uncertainty
from lepton_lab.compress._layers import inspect_layers
from lepton_lab.compress._measure import compare, latencies, measure
from lepton_lab.compress._preflight import STAGES, TECHNIQUES, preflight
from lepton_lab.compress._prune import SCHEDULES
from lepton_lab.compress._quantize import SCHEMES, quantize
from lepton_lab.compress._recipes import RECIPES, SEARCH, SEARCHING, Step, stages

__all__ = [
    "RECIPES",
    "SCHEDULES",
    "SCHEMES",
    "SEARCH",
    "SEARCHING",
    "STAGES",
    "Shape",
    "Step",
    "TECHNIQUES",
    "compare",
    "inspect_layers",
    "latencies",
    "make_student",
    "mark_front",
    "measure",
    "on_front",
    "pick",
    "preflight",
    "quantize",
    "read_budget",
    "stages",
    "uncertainty",
]
