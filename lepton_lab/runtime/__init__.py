"""Run a model's file on rows: what evaluating, compressing and exporting have in common.

A model is run from the file that holds it, on rows as the data set stores them: the model's own first layer scales
them. `open_model` knows the program for each kind: tf_keras or Keras 3 for `.keras` files and TensorFlow for
SavedModels, in a process which has TensorFlow already; LiteRT for `.tflite` and ONNX Runtime for `.onnx` files, which
run without it.
"""

from lepton_lab.runtime._answers import (
    LOGITS,
    NUMBERS,
    PROBABILITIES,
    answers_of,
    are_logits,
    logits_among,
    look_probable,
)
from lepton_lab.runtime._base import MASKED, OpenedModel, Port, as_inputs
from lepton_lab.runtime._by_value import dumps, found_in, own_modules
from lepton_lab.runtime._code import CODE, by_registered_name, own_names, own_names_in, run_code
from lepton_lab.runtime._convert import IN_FLOAT32, frozen, to_tflite, unrolled, unusual_dtypes
from lepton_lab.runtime._dtypes import (
    TEXT,
    LostNumberError,
    as_dtype,
    as_text,
    blurs,
    cast_inputs,
    check_dtype,
    exact_array,
    from_python,
    input_dtypes,
)
from lepton_lab.runtime._endings import LINEAR, Ending, read_endings, read_output_names
from lepton_lab.runtime._ends import input_layers, read_ends, takes_text
from lepton_lab.runtime._fits import check_fits, check_no_positions, check_one_each, fitted
from lepton_lab.runtime._graph import Graph, Operation, Tensor
from lepton_lab.runtime._keras import foreign_part, layers_of, load_keras, one_line, read_config
from lepton_lab.runtime._keras3 import (
    answering_layers,
    constrain,
    ends_of,
    import_keras3,
    input_names,
    is_keras3,
    is_nested,
    library_of,
    named_answers,
    output_names,
    plain_variables,
    row_specs,
    with_names,
)
from lepton_lab.runtime._litert import Interpreter
from lepton_lab.runtime._names import answer_names, arranged, listed, match_columns, names_of
from lepton_lab.runtime._obstacle import obstacle
from lepton_lab.runtime._onnx import ONNX_EXTRA, read_onnx
from lepton_lab.runtime._open import format_of, open_model
from lepton_lab.runtime._positions import known_positions
from lepton_lab.runtime._predict import predict
from lepton_lab.runtime._rows import open_rows
from lepton_lab.runtime._saved_model import SAVED_MODEL_GRAPH, read_saved_keras, write_saved_model
from lepton_lab.runtime._score import METRICS, judged_by, score, score_rows
from lepton_lab.runtime._shapes import input_shapes, is_same_row, same_row_note

__all__ = [
    "MASKED",
    "METRICS",
    "CODE",
    "IN_FLOAT32",
    "LINEAR",
    "LOGITS",
    "NUMBERS",
    "ONNX_EXTRA",
    "PROBABILITIES",
    "SAVED_MODEL_GRAPH",
    "TEXT",
    "Ending",
    "Graph",
    "Interpreter",
    "OpenedModel",
    "Operation",
    "Port",
    "Tensor",
    "answering_layers",
    "as_dtype",
    "as_inputs",
    "as_text",
    "blurs",
    "answer_names",
    "answers_of",
    "are_logits",
    "arranged",
    "by_registered_name",
    "cast_inputs",
    "check_dtype",
    "check_fits",
    "check_no_positions",
    "check_one_each",
    "constrain",
    "dumps",
    "ends_of",
    "LostNumberError",
    "exact_array",
    "from_python",
    "fitted",
    "found_in",
    "foreign_part",
    "format_of",
    "input_dtypes",
    "known_positions",
    "import_keras3",
    "input_layers",
    "input_names",
    "input_shapes",
    "is_keras3",
    "is_nested",
    "is_same_row",
    "judged_by",
    "frozen",
    "layers_of",
    "library_of",
    "listed",
    "load_keras",
    "logits_among",
    "look_probable",
    "match_columns",
    "named_answers",
    "names_of",
    "one_line",
    "obstacle",
    "open_model",
    "open_rows",
    "own_modules",
    "own_names",
    "own_names_in",
    "plain_variables",
    "predict",
    "read_config",
    "read_endings",
    "read_ends",
    "read_onnx",
    "read_output_names",
    "read_saved_keras",
    "row_specs",
    "run_code",
    "same_row_note",
    "score",
    "score_rows",
    "takes_text",
    "to_tflite",
    "unrolled",
    "unusual_dtypes",
    "output_names",
    "with_names",
    "write_saved_model",
]
