"""Run a model's file on rows: what evaluating, compressing and exporting have in common.

A model is run from the file that holds it, a `.keras` file by tf_keras and a `.tflite` file by LiteRT, on rows as the
data set stores them: the model's own first layer scales them. Everything here that loads a Keras model is meant for a
process which has TensorFlow already; `.tflite` files run without it.
"""

from lepton_lab.runtime._code import CODE, by_registered_name, own_names, own_names_in, run_code
from lepton_lab.runtime._convert import to_tflite
from lepton_lab.runtime._fits import check_fits, check_one_each
from lepton_lab.runtime._keras import foreign_part, layers_of, load_keras, one_line, read_config
from lepton_lab.runtime._litert import Interpreter, Operation, Port
from lepton_lab.runtime._predict import predict
from lepton_lab.runtime._rows import open_rows
from lepton_lab.runtime._score import score

__all__ = [
    "CODE",
    "Interpreter",
    "Operation",
    "Port",
    "by_registered_name",
    "check_fits",
    "check_one_each",
    "foreign_part",
    "layers_of",
    "load_keras",
    "one_line",
    "open_rows",
    "own_names",
    "own_names_in",
    "predict",
    "read_config",
    "run_code",
    "score",
    "to_tflite",
]
