"""Run a model's file on rows: what evaluating, compressing and exporting have in common.

A model is run from the file that holds it, on rows as the data set stores them: the model's own first layer scales
them. `open_model` knows the program for each kind: tf_keras for `.keras` files and TensorFlow for SavedModels, in a
process which has TensorFlow already; LiteRT for `.tflite` and ONNX Runtime for `.onnx` files, which run without it.
"""

from lepton_lab.runtime._base import OpenedModel, Port
from lepton_lab.runtime._code import CODE, add_source, by_registered_name, own_names, own_names_in, run_code
from lepton_lab.runtime._convert import to_tflite, unrolled
from lepton_lab.runtime._fits import check_fits, check_one_each
from lepton_lab.runtime._graph import Graph, Operation, Tensor
from lepton_lab.runtime._keras import foreign_part, layers_of, load_keras, one_line, read_config
from lepton_lab.runtime._litert import Interpreter
from lepton_lab.runtime._onnx import ONNX_EXTRA, read_onnx
from lepton_lab.runtime._open import format_of, open_model
from lepton_lab.runtime._predict import predict
from lepton_lab.runtime._rows import open_rows
from lepton_lab.runtime._saved_model import SAVED_MODEL_GRAPH, read_saved_keras, write_saved_model
from lepton_lab.runtime._score import METRICS, score, score_rows

__all__ = [
    "METRICS",
    "CODE",
    "ONNX_EXTRA",
    "SAVED_MODEL_GRAPH",
    "Graph",
    "Interpreter",
    "OpenedModel",
    "Operation",
    "Port",
    "Tensor",
    "add_source",
    "by_registered_name",
    "check_fits",
    "check_one_each",
    "foreign_part",
    "format_of",
    "layers_of",
    "load_keras",
    "one_line",
    "open_model",
    "open_rows",
    "own_names",
    "own_names_in",
    "predict",
    "read_config",
    "read_onnx",
    "read_saved_keras",
    "run_code",
    "score",
    "score_rows",
    "to_tflite",
    "unrolled",
    "write_saved_model",
]
