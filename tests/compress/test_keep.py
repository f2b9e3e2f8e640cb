import numpy as np

from lepton_lab.compress._keep import Keeper


def test_zeros_and_equal_weights_are_kept() -> None:
    import tensorflow as tf

    values = np.resize([0.0, 0.5, -0.25, 0.75], 400).astype("float32").reshape(20, 20)
    kernel = tf.Variable(values)
    keeper = Keeper([kernel])
    kernel.assign_add(np.random.default_rng(0).normal(size=(20, 20)).astype("float32"))
    moved = kernel.numpy()
    keeper.apply()
    kept = kernel.numpy()
    assert (kept[values == 0] == 0).all() and len(np.unique(kept)) == 4
    np.testing.assert_allclose(kept[values == 0.5], moved[values == 0.5].mean(), rtol=1e-5)


def test_ordinary_weights_are_let_alone() -> None:
    import tensorflow as tf

    kernel = tf.Variable(np.random.default_rng(0).normal(size=(30, 30)).astype("float32"))
    keeper = Keeper([kernel])
    before = kernel.numpy()
    keeper.apply()
    assert not keeper.is_needed and (kernel.numpy() == before).all()


def test_pruned_weights_are_no_clusters() -> None:
    """Few weights are left of a small kernel, but each is another."""
    import tensorflow as tf

    values = np.random.default_rng(0).normal(size=(30, 40)).astype("float32")
    values.ravel()[np.argsort(np.abs(values).ravel())[:960]] = 0
    kernel = tf.Variable(values)
    keeper = Keeper([kernel])
    kernel.assign_add(np.ones((30, 40), "float32"))
    keeper.apply()
    assert (kernel.numpy()[values == 0] == 0).all() and len(np.unique(kernel.numpy())) > 200
