"""The roads that each model of the sweep goes: added, trained, asked, made smaller in every way, written in every form.

A road ends well, or in a `LeptonError`; anything else is a fault: another exception, numbers that an independent
runtime doesn't give, or a plan that wasn't kept. Techniques, schemes and formats are the product's own tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress import SCHEMES, TECHNIQUES
from lepton_lab.errors import LeptonError
from lepton_lab.export import FORMATS
from lepton_lab.types import CompressedModel, Preflight, fields
from tests.sweep.cases import Case
from tests.sweep.here import Here

MODEL, DATA = "m", "d"
NUM_ROWS, BATCH = 24, 8
"""A third of the rows are the test split, so that an epoch has two steps."""
Answers = dict[str, NDArray[Any]]
"""By the output's name; "" where there is one."""


class Fault(Exception):  # noqa: N818  # it says what is wrong with the product
    """Wrong numbers, or a plan that wasn't kept."""


def add(lab: Here, case: Case) -> None:
    """Bring the model in; it must answer as it did, one row at a time and eight."""
    model = case.build()
    x, y = case.rows(model, NUM_ROWS), case.targets(model, NUM_ROWS)
    lab.data.load((x, y), name=DATA, test_share=1 / 3)
    lab.model.add(model, name=MODEL)
    for rows in _probes(lab):
        _compare(_asked(model, rows), _by_keras(lab.model.show(MODEL).file, rows), 1e-3, "as it was added")


def train(lab: Here, case: Case) -> None:
    """Two steps; every weight stays finite, and some change. What it then answers is kept for what is made of it."""
    before = lab.model.weights(MODEL)
    lab.train(MODEL, DATA, epochs=1, batch_size=BATCH, strategy="single")
    after = lab.model.weights(MODEL)
    if not all(np.isfinite(weight).all() for weight in after if weight.dtype.kind == "f"):
        raise Fault("weights are no numbers after training")
    if all(np.array_equal(one, other) for one, other in zip(before, after, strict=True)):
        raise Fault("no weight has changed in training")
    _keep(lab, [_predicted(lab, MODEL, rows) for rows in _probes(lab)])


def predict(lab: Here, case: Case) -> None:
    """What the lab answers is what the model's own Keras answers."""
    for rows, answers in zip(_probes(lab), _kept(lab), strict=True):
        _compare(answers, _by_keras(lab.model.show(MODEL).file, rows), 1e-4, "predict")


def compress(lab: Here, case: Case, technique: str, **settings: Any) -> None:
    """A dry run, then the run: it keeps what was told, and the file answers elsewhere as it does in the lab."""
    given = {"data": DATA, "epochs": 1, "batch_size": BATCH, "calibration_rows": 16, "clusters": 4, **settings}
    name = "-".join(["small", technique, *settings.values()])
    planned = lab.compress(MODEL, technique, dry_run=True, **given)
    try:
        made = lab.compress(MODEL, technique, name=name, **given)
    except LeptonError as error:
        raise Fault(f"the plan had no word of: {error}") from error
    assert isinstance(planned, Preflight)
    assert isinstance(made, CompressedModel)
    check_plan(planned, made, settings.get("scheme", technique))
    file = made.model.file
    if file.suffix == ".keras":
        (rows, _) = _probes(lab)  # that one row and eight are answered alike was seen of the model itself
        _compare(_predicted(lab, name, rows), _by_keras(file, rows), 1e-4, "the smaller model")
        return
    kept = _kept(lab)
    for rows, before in zip(_probes(lab), kept, strict=True):
        answers = _predicted(lab, name, rows)
        _compare(answers, _by_litert(file, rows), 1e-4, "the smaller model")
        if "scheme" in settings:
            _compare(before, answers, _APART[settings["scheme"]], "the model that it was made of", of=kept[0])


def export(lab: Here, case: Case, format: str) -> None:
    """Write the model; an independent runtime gives its answers."""
    path = lab.export(MODEL, format).path / FORMATS[format].MODEL
    for rows, answers in zip(_probes(lab), _kept(lab), strict=True):
        _compare(answers, _RUNTIMES[format](path, rows), 1e-4, format)


_APART = {"float16": 0.01, "dynamic": 0.2, "int16x8": 0.1, "int8": 0.4, "int4": 0.7, "mixed": 0.7}
"""How far answers may move, of the largest to eight rows: enough for what 16 rows show of ranges, not for nonsense."""

ROADS: Mapping[str, Callable[[Here, Case], None]] = {
    "add": add,
    "train": train,
    "predict": predict,
    **{one: partial(compress, technique=one) for one in TECHNIQUES if one != "quantize"},
    **{one: partial(compress, technique="quantize", scheme=one) for one in SCHEMES},
    **{f"to {one}": partial(export, format=one) for one in FORMATS},
}
BEFORE = ("add", "train")
"""What all others need."""


def check_plan(planned: Preflight, made: CompressedModel, what: str) -> None:
    """Raise Fault unless each layer became what the dry run said, by the report and by the file."""
    plan, told = dict(planned.layers), dict(made.layers)
    if what in ("prune", "cluster", "distill", "mixed"):  # the plan says what for, the report what came of it
        left = {name for name, fate in plan.items() if not fate.startswith(("will have", "int4, int8"))}
        if what in ("prune", "cluster") and (lost := {n for n in left if told.get(n, plan[n]) != plan[n]}):
            raise Fault(f"left alone by the plan, but not by the run: {sorted(lost)}")
        return
    for name, fate in plan.items():
        if not told.get(name, "").startswith(fate):
            raise Fault(f"the plan says {fate!r} of a layer of which the run says {told.get(name)!r}")
    bits = _bits(made.model.file)
    for name, fate in plan.items():
        kinds = {kind for tensor, kind in bits if {name, f"quant_{name}"} & set(tensor.split("/"))}
        if fate.startswith("int8 weights") and kinds and "int8" not in kinds:  # it has none where they were folded
            raise Fault(f"the plan says {fate!r} of a layer that has {sorted(kinds)} in the file")
        if fate.startswith(("float32: ", "kept in float32")) and kinds & {"int8", "int4"}:
            raise Fault(f"the plan says {fate!r} of a layer that has int8 weights in the file")


def _bits(file: Path) -> list[tuple[str, str]]:
    """Name and dtype of each constant of more than one dimension in a `.tflite` file."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    kinds = {code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
    model = flatbuffer_utils.read_model(str(file))
    return [
        (part, kinds[tensor.type])
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.buffers[tensor.buffer].data is not None and len(tensor.shape if tensor.shape is not None else ()) > 1
        for part in tensor.name.decode().split(";")
    ]


def _probes(lab: Here) -> list[Any]:
    """The last eight training rows, which calibration sees, and one of them."""
    stored = np.load(lab.data.get(DATA).folder / "train" / "x.npy")
    rows = fields(stored) if stored.dtype.names else {"": stored}
    return [
        {name: part[-num:] for name, part in rows.items()} if len(rows) > 1 else next(iter(rows.values()))[-num:]
        for num in (BATCH, 1)
    ]


def _keep(lab: Here, answers: list[Answers]) -> None:
    for number, one in enumerate(answers):
        np.savez(lab.workspace.folder / f"answers-{number}.npz", **one)


def _kept(lab: Here) -> list[Answers]:
    """What the model answers to the probes; asked now where it was not trained."""
    files = [lab.workspace.folder / f"answers-{number}.npz" for number in range(2)]
    if not all(file.is_file() for file in files):
        _keep(lab, [_predicted(lab, MODEL, rows) for rows in _probes(lab)])
    return [dict(np.load(file)) for file in files]


def _predicted(lab: Here, name: str, rows: Any) -> Answers:
    answers = np.array(lab.predict(name, rows=rows).answers)
    if answers.dtype.names:
        return {part: answers[part] for part in answers.dtype.names}
    return {"": answers}


def _compare(ours: Answers, theirs: Answers, tolerance: float, what: str, of: Answers | None = None) -> None:
    """Raise Fault unless two have the same answers, within a share of the largest: of ours, or of others."""
    if len(ours) == len(theirs) == 1:
        ours, theirs = ({"": next(iter(one.values()))} for one in (ours, theirs))
    if set(ours) != set(theirs):
        raise Fault(f"{what}: outputs {sorted(ours)}, elsewhere {sorted(theirs)}")
    for name, one in ours.items():
        other = np.asarray(theirs[name], np.float64)
        if one.shape != other.shape:
            raise Fault(f"{what}: answers of shape {one.shape}, elsewhere {other.shape}")
        if not np.array_equal(np.isfinite(one), np.isfinite(other)):
            raise Fault(f"{what}: NaN or infinity in one of both")
        difference = np.nanmax(abs(one - other), initial=0.0)
        scale = max(np.nanmax(abs((of or ours)[name]), initial=0.0), 1e-6)
        if difference > tolerance * scale:
            raise Fault(f"{what}: answers differ by {difference:.2g} among up to {scale:.2g}")


def _asked(model: Any, rows: Any) -> Answers:
    """What a Keras model says, by its outputs' names."""
    import tensorflow as tf

    def tensor(part: NDArray[Any]) -> Any:
        return tf.constant(part.astype(object) if part.dtype.kind == "U" else part)

    names = [one.name.partition(":")[0] for one in model.inputs]
    if isinstance(rows, dict):
        given: Any = [tensor(rows[name]) for name in names]
        if isinstance(getattr(model, "_inputs_struct", None), dict):
            given = dict(zip(names, given, strict=True))
    else:
        given = tensor(rows)
    answers = model(given, training=False)
    if not isinstance(answers, dict):
        names = model.output_names if len(model.outputs) > 1 else [""]  # a Sequential of Keras 3 has no names
        answers = dict(zip(names, tf.nest.flatten(answers), strict=True))
    return {name: np.asarray(answer) for name, answer in answers.items()}


def _by_keras(file: Path, rows: Any) -> Answers:
    """What a `.keras` file says by its own library."""
    from lepton_lab.runtime import read_config
    from tests.sweep.cases import library

    is_keras3 = read_config(file)[1].startswith("3")
    return _asked(library("keras" if is_keras3 else "tf_keras").models.load_model(file, compile=False), rows)


def _by_tensorflow(folder: Path, rows: Any) -> Answers:
    import tensorflow as tf

    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    specs = serve.structured_input_signature[1]
    given = _named(rows, list(specs))
    tensors = {
        name: tf.constant(part.astype(object)) if part.dtype.kind == "U" else tf.cast(part, specs[name].dtype)
        for name, part in given.items()
    }
    return {name: answer.numpy() for name, answer in serve(**tensors).items()}


def _by_litert(file: Path, rows: Any) -> Answers:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        return _by_runner(Interpreter(str(file), num_threads=1), rows)
    except RuntimeError:  # XNNPACK takes some files for one row only
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return _by_runner(Interpreter(str(file), experimental_op_resolver_type=plain), rows)


def _by_runner(runner: Any, rows: Any) -> Answers:
    signature = runner.get_signature_runner(next(iter(runner.get_signature_list())))
    details = signature.get_input_details()
    given = _named(rows, list(details))
    answers = signature(**{name: _as(part, details[name]["dtype"]) for name, part in given.items()})
    return dict(answers)


def _by_onnxruntime(file: Path, rows: Any) -> Answers:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    kinds = {
        "tensor(float)": np.float32,
        "tensor(int32)": np.int32,
        "tensor(int64)": np.int64,
        "tensor(bool)": np.bool_,
    }
    specs = {one.name: kinds.get(one.type, object) for one in session.get_inputs()}
    given = {name: part.astype(specs[name]) for name, part in _named(rows, list(specs)).items()}
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, given), strict=True))


def _named(rows: Any, names: list[str]) -> dict[str, NDArray[Any]]:
    """The rows by the names that a file has for its inputs."""
    return dict(rows) if isinstance(rows, dict) else {names[0]: rows}


def _as(part: NDArray[Any], dtype: Any) -> NDArray[Any]:
    return np.char.encode(part).astype(object) if part.dtype.kind == "U" else part.astype(dtype)


_RUNTIMES: Mapping[str, Callable[[Path, Any], Answers]] = {
    "keras": _by_keras,
    "saved_model": _by_tensorflow,
    "tflite": _by_litert,
    "onnx": _by_onnxruntime,
    "container": _by_litert,
}
