"""Stage 4: a smaller model of a model, and what that cost.

`quantize` writes a `.tflite` file with fewer bits a number; `Pruning` is a training hook that sets weights to zero;
`measure` and `compare` say what a model costs and is worth; `preflight` says what a technique would do to each layer.
"""

from lepton_lab.compress._measure import compare, measure
from lepton_lab.compress._preflight import TECHNIQUES, preflight
from lepton_lab.compress._prune import Pruning, check_sparsity
from lepton_lab.compress._quantize import SCHEMES, quantize

__all__ = ["SCHEMES", "TECHNIQUES", "Pruning", "check_sparsity", "compare", "measure", "preflight", "quantize"]
