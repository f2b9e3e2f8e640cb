"""How optimisers, losses and metrics are made of their parts."""

from __future__ import annotations

import pytest

from lepton_lab.errors import InputError
from lepton_lab.train._make import make


def test_a_peer_that_goes_meanwhile_is_the_cause() -> None:
    """An optimiser's variables are handed round as they are made: who restarts the ranks looks for what was raised."""
    import tensorflow as tf

    def gone() -> None:
        raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: Connection reset by peer")

    part = {"class_name": "Sgd", "config": {}}
    with pytest.raises(InputError, match="The optimizer Sgd can't be made so: Collective ops is aborted") as caught:
        make("optimizer", part, {"Sgd": gone})
    assert isinstance(caught.value.__cause__, tf.errors.UnavailableError)
