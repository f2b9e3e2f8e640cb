from typing import Any

import numpy as np
import pytest

from lepton_lab.compress._cluster import Clustering, k_means
from lepton_lab.compress._prune import Pruning
from lepton_lab.errors import InputError
from lepton_lab.runtime import load_keras, open_rows, score
from lepton_lab.types import Dataset, Model
from tests.compress.loop import train, tuned
from tests.models_fixture import keras


def accuracy(model: Any, digits: Dataset) -> float:
    x, y = open_rows(digits, "test")
    return score(model(np.asarray(x, np.float32), training=False).numpy(), y, "classes")["accuracy"]


@pytest.mark.parametrize("clusters", [4, 16])
def test_few_weights_and_the_accuracy(cnn: Model, digits: Dataset, clusters: int) -> None:
    hook = Clustering(clusters)
    model = tuned(load_keras(cnn.file), hook, digits, 100)
    kernels = [weight for weight in model.get_weights() if weight.size >= 1000]
    assert [len(np.unique(kernel)) <= clusters for kernel in kernels] == [True, True]
    assert accuracy(model, digits) > 0.95
    told = dict(hook.report(model))
    assert told["dense"].endswith(" values") and told["rescaling"] == "Rescaling has no weights"


def test_what_was_pruned_stays_zero(cnn: Model, digits: Dataset) -> None:
    pruned = tuned(load_keras(cnn.file), Pruning(0.8), digits, 60)
    zeros = pruned.get_layer("dense").kernel.numpy() == 0
    hook = Clustering(16)
    model = tuned(pruned, hook, digits, 60)
    kernel = model.get_layer("dense").kernel.numpy()
    assert (kernel[zeros] == 0).all() and len(np.unique(kernel)) <= 16
    assert "80.0 % zeros" in dict(hook.report(model))["dense"]


def test_weights_wander_until_the_last_quarter(cnn: Model, digits: Dataset) -> None:
    model, hook = load_keras(cnn.file), Clustering(8)
    prepared = hook.prepare(model, 200)
    first = hook.state()[2].copy()
    train(prepared, hook, digits, 200)  # the step is told by number: what follows are its last quarter's
    assert (np.asarray(hook.state()[2]) != first).any()
    settled = np.asarray(hook.state()[2]).copy()
    hook.before_step(199)
    assert (np.asarray(hook.state()[2]) == settled).all()


def test_it_goes_on_from_its_state(cnn: Model, digits: Dataset) -> None:
    whole = tuned(load_keras(cnn.file), Clustering(16), digits, 0)
    first, again = Clustering(16), Clustering(16)
    model = load_keras(cnn.file)
    first.prepare(model, 100)
    other = load_keras(cnn.file)
    again.prepare(other, 100)
    again.restore([array.copy() for array in first.state()])
    for one, two in zip(first.state(), again.state(), strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(whole.get_weights()[0], other.get_weights()[0])


def test_it_is_at_least_as_good_as_tfmots_wrappers(cnn: Model, digits: Dataset) -> None:
    from tensorflow_model_optimization.python.core.clustering.keras.cluster import cluster_weights, strip_clustering
    from tensorflow_model_optimization.python.core.clustering.keras.cluster_config import CentroidInitialization

    ours = tuned(load_keras(cnn.file), Clustering(8), digits, 150)
    chosen = ("conv2d_1", "dense")

    def wrap(layer: Any) -> Any:
        if layer.name not in chosen:
            return layer
        return cluster_weights(layer, 8, CentroidInitialization.LINEAR)

    wrapped = keras().models.clone_model(load_keras(cnn.file), clone_function=wrap)
    from lepton_lab.compress._hook import Hook

    train(wrapped, Hook(), digits, 150)
    theirs = strip_clustering(wrapped)
    assert accuracy(ours, digits) >= accuracy(theirs, digits) - 0.01


def test_centroids_are_the_means_of_what_is_nearest() -> None:
    values = np.random.default_rng(0).normal(size=5000).astype("float32")
    found = k_means(values, 16)
    assert len(found) == 16 and (np.diff(found) > 0).all()
    nearest = np.abs(values[:, None] - found).argmin(axis=1)
    means = np.array([values[nearest == n].mean() for n in range(16)])
    np.testing.assert_allclose(found, means, atol=0.02)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_few_weights_to_begin_with(values: list[float]) -> None:
    assert len(k_means(np.array(values, np.float32), 16)) == 1


@pytest.mark.parametrize("clusters", [0, 2, 257])
def test_the_number_of_clusters_is_bounded(clusters: int) -> None:
    with pytest.raises(InputError, match=f"clusters={clusters}"):
        Clustering(clusters)
