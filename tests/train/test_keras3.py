"""Keras 3 models made again in tf_keras, and the proof that they are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, LibraryError

HERE = f"{__name__}:"
Build = Callable[[Any], Any]
"""A function of the module `keras` that returns a model."""


def _nested(keras: Any) -> Any:
    layers = keras.layers
    base = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.GlobalMaxPooling2D()]
    )
    inner = keras.Input((8, 8, 3))
    middle = keras.Model(inner, [layers.Dense(3)(base(inner)), layers.Flatten()(inner)])
    rows = keras.Input((8, 8, 3))
    small, large = middle(rows)
    return keras.Model(rows, layers.Dense(2)(layers.Concatenate()([small, large])))


def _sequential_in_sequential(keras: Any) -> Any:
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3, activation="hard_sigmoid")]
    )
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(6), keras.Sequential([keras.Input((6,)), inner]), layers.Dense(2)]
    )


def _shared(keras: Any) -> Any:
    layers = keras.layers
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    layer, tower = layers.Dense(5), keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="hard_silu")])
    a, b = tower(layer(left)), tower(layer(layer(right)))
    return keras.Model([left, right], layers.Dense(1)(abs(a - b) ** 2))


def _wrapped(keras: Any) -> Any:
    layers = keras.layers
    rows = keras.Input((6, 4))
    picture = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.PReLU()])
    x = layers.Bidirectional(layers.SimpleRNN(4, return_sequences=True), merge_mode="sum")(
        layers.TimeDistributed(picture)(rows)
    )
    x = layers.RNN([layers.LSTMCell(4), layers.SimpleRNNCell(3)], return_sequences=True)(x)
    return keras.Model(rows, layers.Dense(2)(layers.Flatten()(x)))


def _attention(keras: Any) -> Any:
    layers = keras.layers
    rows, other = keras.Input((6, 8), name="rows"), keras.Input((4, 8), name="other")
    x = layers.MultiHeadAttention(2, 4)(query=rows, value=other, key=other)
    x = layers.MultiHeadAttention(2, 3, value_dim=5)(x, x, use_causal_mask=True)
    x = layers.Attention(use_scale=True)([x, other]) + layers.AdditiveAttention()([x, other])
    return keras.Model([rows, other], layers.LayerNormalization()(x * 0.5))


def _masked(keras: Any) -> Any:
    layers = keras.layers
    ids = keras.Input((7,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(ids)
    x = layers.MultiHeadAttention(2, 4)(x, x) + x
    mask = keras.ops.not_equal(ids, 0)
    return keras.Model(ids, layers.LSTM(5)(x, mask=mask))


def _masked_by_layers(keras: Any) -> Any:
    layers = keras.layers
    x = layers.Embedding(9, 4, mask_zero=True)(ids := keras.Input((7,), dtype="int32"))
    x = layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True))(
        layers.Dropout(0.2)(layers.TimeDistributed(layers.Dense(3))(x))
    )
    return keras.Model(ids, [layers.SimpleRNN(5)(x), layers.GlobalAveragePooling1D()(x)])


def _operators(keras: Any) -> Any:
    layers, ops = keras.layers, keras.ops
    rows = keras.Input((6, 4))
    x = -(1 - rows * 2.0) / 3 + rows[:, ::-1] - rows[..., :1] + 2.0 ** ops.tanh(rows)
    x = ops.where(x > 0, x, 0.1 * x) + ops.cast(rows > 0.5, "float32")
    x = ops.concatenate([x, ops.mean(x, axis=-1, keepdims=True)], axis=-1) @ ops.ones((5, 3))
    x = ops.matmul(x, ops.transpose(x, (0, 2, 1))) + ops.expand_dims(ops.logsumexp(x, axis=1)[:, 0], [1, 2])
    return keras.Model(rows, layers.Dense(2)(ops.reshape(ops.transpose(x, (0, 2, 1)), (-1, 36))))


def _activations(keras: Any) -> Any:
    layers = keras.layers
    names = (
        "hard_sigmoid",
        "hard_silu",
        "relu6",
        "log_softmax",
        "celu",
        "silu",
        "gelu",
        "mish",
        "leaky_relu",
        "hard_tanh",
    )
    x = keras.Input((6,))
    both = [layer for name in names for layer in (layers.Dense(6, activation=name), layers.Activation(name))]
    kinds = [layers.LeakyReLU(negative_slope=0.1), layers.ELU(0.5), layers.ReLU(4.0, 0.1, 0.2), layers.PReLU()]
    return keras.Sequential([x, *both, *kinds, layers.Dense(4, activation="glu")])


def _named_outputs(keras: Any) -> Any:
    layers = keras.layers
    rows = {"b": keras.Input((4,), name="b"), "a": keras.Input((3,), dtype="int32", name="a")}
    x = layers.Concatenate()([rows["b"], layers.CategoryEncoding(5, "multi_hot")(rows["a"])])
    return keras.Model(
        rows, {"z": layers.Dense(2, activation="hard_sigmoid", name="z")(x), "y": layers.Dense(1, name="y")(x)}
    )


def _words(keras: Any) -> Any:
    layers = keras.layers
    vectors = layers.TextVectorization(output_sequence_length=4)
    vectors.adapt(["red green blue", "blue red"])
    lookup = layers.StringLookup(vocabulary=["some", "other"], output_mode="multi_hot")
    text, kind = keras.Input((1,), dtype="string", name="text"), keras.Input((2,), dtype="string", name="kind")
    x = layers.Flatten()(layers.Embedding(20, 3)(vectors(text)))
    return keras.Model([text, kind], layers.Dense(2)(layers.Concatenate()([x, lookup(kind)])))


def _preprocessing(keras: Any) -> Any:
    layers = keras.layers
    scaled = layers.Normalization()
    scaled.adapt(np.random.default_rng(0).normal(3, 2, (64, 12, 12, 3)).astype("float32"))
    kinds = [
        layers.RandomFlip("vertical"),
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.1),
        layers.RandomContrast(0.1),
        layers.GaussianNoise(0.1),
    ]
    size = [layers.Resizing(10, 10), layers.CenterCrop(8, 8), layers.Rescaling(0.5, 0.1)]
    return keras.Sequential(
        [keras.Input((12, 12, 3)), scaled, *kinds, *size, layers.Conv2D(2, 3), layers.UnitNormalization()]
    )


def _frozen(keras: Any) -> Any:
    layers = keras.layers
    base = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
    base.trainable = False
    base.layers[2].trainable = True
    rows = keras.Input((4,))
    return keras.Model(
        rows, layers.Dense(2, kernel_regularizer="l2", bias_constraint="non_neg")(base(rows, training=False))
    )


def _tagger(keras: Any) -> Any:
    layers = keras.layers
    tags = layers.Dense(4, activation="softmax", name="tags")
    return keras.Sequential([keras.Input((6,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True), tags])


def _half(keras: Any) -> Any:
    layers = keras.layers
    halves = [layers.Dense(8, activation="relu", dtype="mixed_float16"), layers.Dense(2, dtype="float32")]
    return keras.Sequential([keras.Input((4,)), *halves])


def _feature_space(keras: Any) -> Any:
    """Columns of each kind; the table of one of them knows no words but its own."""
    import tensorflow as tf

    kinds = keras.utils.FeatureSpace
    known = kinds.string_categorical(num_oov_indices=0)
    features = {
        "age": "integer_categorical",
        "name": known,
        "sex": "string_hashed",
        "sugar": kinds.float_discretized(3),
    }
    space = kinds({**features, "weight": "float_normalized", "raw": "float"}, crosses=[("sex", "name")], crossing_dim=8)
    numbers = {"sugar": [0.1, 0.7, 0.4, 0.3], "weight": [5.0, 2.0, 9.0, 7.0], "raw": [0.0, 1.0, 2.0, 4.0]}
    words = {"name": ["ann", "bob", "cid", "ann"], "sex": ["f", "m", "m", "f"], "age": [20, 31, 31, 47]}
    space.adapt(tf.data.Dataset.from_tensor_slices({**numbers, **words}))
    return keras.Model(space.get_inputs(), keras.layers.Dense(2)(space.get_encoded_features()))


CONVERTED = {
    build.__name__.removeprefix("_"): build
    for build in (
        *(_nested, _sequential_in_sequential, _shared, _wrapped, _attention, _masked, _masked_by_layers, _operators),
        *(_activations, _named_outputs, _words, _preprocessing, _frozen, _tagger, _half, _feature_space),
    )
}

SLOW = ("wrapped", "activations", "sequential_in_sequential")
"""Of them; the rest holds one of each kind."""


def _hard_lstm(keras: Any) -> Any:
    return keras.Sequential(
        [keras.Input((5, 3)), keras.layers.LSTM(4, recurrent_activation="hard_sigmoid", name="gates")]
    )


def _masked_end(keras: Any) -> Any:
    layers = keras.layers
    tags = layers.Dense(4, activation="hard_silu", name="tags")
    return keras.Sequential([keras.Input((6,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True), tags])


def _rms(keras: Any) -> Any:
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.RMSNormalization(name="rms")])


def _flip(keras: Any) -> Any:
    return keras.Sequential([keras.Input((6, 6, 3)), keras.layers.RandomFlip(name="flip"), keras.layers.Flatten()])


def _own_setting(keras: Any) -> Any:
    layers = [keras.layers.Resizing(4, 4, pad_to_aspect_ratio=True, name="fit"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((8, 6, 3)), *layers, keras.layers.Dense(2)])


KEPT = {
    "hard_lstm": (_hard_lstm, "the layer 'gates' has the recurrent_activation hard_sigmoid, which is another function"),
    "masked_end": (_masked_end, "the mask of 'tags' would be lost with its activation hard_silu"),
    "flip": (_flip, "the layer 'flip' flips both ways at once or not at all; tf_keras draws for each way"),
    "rms": (_rms, "the layer 'rms' is a RMSNormalization, which tf_keras doesn't have"),
    "own_setting": (_own_setting, "the layer 'fit' has pad_to_aspect_ratio=True, which tf_keras doesn't know"),
}


def masks_of(answers: Any) -> Any:
    """The mask of a model's first answer, as NumPy's; None where it has none."""
    import tensorflow as tf

    mask = getattr(tf.nest.flatten(answers)[0], "_keras_mask", None)
    return None if mask is None else np.asarray(mask)


def bring_in(folder: Path, build: str) -> dict[str, Any]:
    """Make a Keras 3 model, bring it in; returns what became of it, with both models' answers to the same rows."""
    import tensorflow as tf

    from lepton_lab.runtime import import_keras3, load_keras
    from lepton_lab.train._models import adopt_file
    from lepton_lab.train._proof import batches

    keras = import_keras3()
    keras.utils.set_random_seed(0)
    model = {**CONVERTED, **{name: made for name, (made, _) in KEPT.items()}}[build](keras)
    model.set_weights([w + np.float32(0.1) if w.dtype.kind == "f" else w for w in model.get_weights()])
    model.save(folder / "there.keras")
    shape = adopt_file(folder, folder / "there.keras")
    ours = load_keras(folder / "model.keras")
    model = load_keras(folder / "there.keras")
    for rows in batches(model):
        batch = rows[0] if len(rows) == 1 else dict(zip(model.input_names, rows, strict=True))
        try:
            theirs = model(rows if len(rows) > 1 and isinstance(model.input, list) else batch, training=False)
            break
        except Exception:  # rows of another kind
            continue
    pairs = [[np.asarray(tensor) for tensor in tf.nest.flatten(each)] for each in (theirs, ours(batch, training=False))]
    return {
        "shape": shape,
        "answers": pairs,
        "trainable": [sorted(tuple(w.shape) for w in one.trainable_weights) for one in (model, ours)],
        "names": [list(one.output_names) for one in (model, ours)],
        "masks": [masks_of(each) for each in (theirs, ours(batch, training=False))],
        "ends": type(ours.layers[-1]).__name__,
        "losses": [float(sum(map(float, one.losses))) for one in (model, ours)],
    }


def bring_in_each(folder: Path, builds: list[str]) -> dict[str, dict[str, Any]]:
    """The same of several, in one process: importing Keras 3 takes longer than most of them do."""
    found = {}
    for build in builds:
        (folder / build).mkdir()
        found[build] = bring_in(folder / build, build)
    return found


@pytest.fixture(scope="module")
def every_day(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    builds = [name for name in (*CONVERTED, *KEPT) if name not in SLOW]
    return forkserver.call(f"{HERE}bring_in_each", {"folder": tmp_path_factory.mktemp("models"), "builds": builds})


@pytest.mark.parametrize("build", [name for name in CONVERTED if name not in SLOW])
def test_what_is_made_again_gives_the_same_answers(every_day: dict[str, dict[str, Any]], build: str) -> None:
    check_made_again(every_day[build], build)


@pytest.mark.soak
@pytest.mark.parametrize("build", SLOW)
def test_what_is_made_again_slowly_gives_the_same_answers(tmp_path: Path, build: str) -> None:
    made = forkserver.call(f"{HERE}bring_in_each", {"folder": tmp_path, "builds": [build]})
    check_made_again(made[build], build)


def check_made_again(made: dict[str, Any], build: str) -> None:
    assert made["shape"].library == "tf_keras", made["shape"].notes
    assert "random rows were answered alike by both" in made["shape"].notes[0]
    for one, other in zip(*made["answers"], strict=True):
        scale = max(float(np.nanmax(abs(one))), 1.0)  # a row that is masked as a whole has no mean
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=(5e-3 if build == "half" else 5e-5) * scale)
    theirs, ours = made["trainable"]
    assert theirs == ours
    assert made["losses"][0] == pytest.approx(made["losses"][1], rel=1e-5)
    if build == "tagger":  # by its mask, losses leave padded steps out
        np.testing.assert_array_equal(*made["masks"])
        assert made["ends"] == "Dense" and not made["masks"][0].all()
    if build == "named_outputs":
        assert made["names"][0] == made["names"][1]


@pytest.mark.parametrize("build", KEPT)
def test_what_has_no_equal_stays_keras_3_and_says_why(every_day: dict[str, dict[str, Any]], build: str) -> None:
    made = every_day[build]
    assert made["shape"].library == "keras"
    assert KEPT[build][1] in made["shape"].notes[0]
    np.testing.assert_allclose(*(answers[0] for answers in made["answers"]), rtol=1e-5, atol=1e-6)


def bring_in_broken(folder: Path) -> None:
    """Bring in a model in which Keras 3 takes an activation that halves its rows for one that doesn't."""
    from lepton_lab.runtime import import_keras3
    from lepton_lab.train._models import adopt_file

    keras = import_keras3()
    layers = keras.layers
    keras.Sequential([keras.Input((6,)), layers.Activation("glu"), layers.Dense(3)]).save(folder / "there.keras")
    adopt_file(folder, folder / "there.keras")


def test_what_keras_3_itself_cant_compute_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"can't be brought in, since Keras 3 can't compute it: .*incompatible"):
        forkserver.call(f"{HERE}bring_in_broken", {"folder": tmp_path})


def prove_another(is_answer: bool) -> None:
    """Compare a model with a twin of which one layer has other weights, or is frozen."""
    from lepton_lab.runtime import import_keras3
    from lepton_lab.train._keras3 import to_tf_keras
    from lepton_lab.train._proof import prove

    keras = import_keras3()
    layers = [keras.layers.Dense(4, name=name) for name in ("first", "second", "third")]
    model = keras.Sequential([keras.Input((4,), name="rows"), *layers])
    model.input_names = ["rows"]
    twin = to_tf_keras(model)
    second = twin.model.get_layer("second")
    if is_answer:
        second.set_weights([weight + np.float32(0.01) for weight in second.get_weights()])
    else:
        second.trainable = False
    prove(model, twin, twin.model)


@pytest.mark.parametrize(
    ("is_answer", "message"),
    [(True, "the answers of its layer 'second' differ by"), (False, "it has 6 trainable weights in Keras 3, 4 in")],
)
def test_another_model_is_not_taken_for_the_same(is_answer: bool, message: str) -> None:
    with pytest.raises(LibraryError, match=f"NoEqualError: {message}"):
        forkserver.call(f"{HERE}prove_another", {"is_answer": is_answer})


def train_twins(folder: Path) -> list[tuple[float, float]]:
    """Bring in a functional model for each layer that trains otherwise than it answers.

    Returns
    -------
    By how much the answers of Keras 3 and of what was made of it change when they train.
    """
    from lepton_lab.runtime import import_keras3, load_keras
    from lepton_lab.train._models import adopt_file

    keras, found = import_keras3(), []
    layers = keras.layers
    for layer in (
        layers.Dropout(0.5),
        layers.BatchNormalization(),
        layers.RandomFlip("horizontal"),
        layers.GaussianNoise(0.5),
    ):
        pictures = keras.Input((8, 8, 3))
        model = keras.Model(pictures, layers.Flatten()(layer(pictures)))
        model.save(folder / "there.keras")
        assert adopt_file(folder, folder / "there.keras").library == "tf_keras"
        rows = np.random.default_rng(0).normal(3, 1, (512, 8, 8, 3)).astype(np.float32)
        each = (model, load_keras(folder / "model.keras"))
        changes = [np.asarray(one(rows, training=True)) - np.asarray(one(rows, training=False)) for one in each]
        found.append(tuple(float(abs(change).mean()) for change in changes))
    return found


def test_what_trains_otherwise_than_it_answers_still_does(tmp_path: Path) -> None:
    for theirs, ours in forkserver.call(f"{HERE}train_twins", {"folder": tmp_path}):
        assert theirs > 0.1
        assert ours == pytest.approx(theirs, rel=0.2)


def add_arithmetic_of_tf_keras(folder: Path) -> Any:
    """Bring in a tf_keras model with arithmetic between its layers; returns its format and both models' answers."""
    import tf_keras

    from lepton_lab.runtime import load_keras
    from lepton_lab.train._models import adopt_file

    rows = tf_keras.Input((4,))
    x = tf_keras.layers.Dense(4)(rows / 255.0)
    model = tf_keras.Model(rows, tf_keras.layers.Dense(2)(1 - x * 2.0 + x[:, :1] + rows))
    model.save(folder / "there.keras")
    shape = adopt_file(folder, folder / "there.keras", "The model")
    values = np.random.default_rng(0).random((3, 4), np.float32)
    return shape, np.asarray(model(values)), np.asarray(load_keras(folder / "model.keras")(values))


def test_a_tf_keras_model_may_do_sums_between_layers(tmp_path: Path) -> None:
    shape, theirs, ours = forkserver.call(f"{HERE}add_arithmetic_of_tf_keras", {"folder": tmp_path})
    assert (shape.library, shape.notes) == ("tf_keras", ())
    np.testing.assert_array_equal(theirs, ours)
