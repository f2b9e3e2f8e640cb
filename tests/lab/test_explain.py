"""`lab.explain`, as a call and as a line, without a cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from lepton_lab import commands, forkserver
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.types import Explanation
from tests.models_fixture import make_of_zoo


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with digits and two models that learned them elsewhere."""
    with Lab(tmp_path_factory.mktemp("workspace")) as lab:
        lab.data.load("digits")
        for name in ("cnn", "mlp"):
            lab.model.add(make_of_zoo(name).file, name=name)
        yield lab


def left(lab: Lab) -> list[str]:
    """What lies among the explanations, hidden files too; the lock aside."""
    folder = lab.workspace.path("explanations")
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.is_dir() else []


def test_as_a_line(own: Lab) -> None:
    line = "%lepton explain cnn --data digits --method grad_cam --rows 3 --label 8 --layer conv_1"
    found = commands.run(own, *commands.read(line))
    assert isinstance(found, Explanation) and (found.source, found.num_rows) == ("digits/test", 3)
    assert found.values.shape == (3, 8, 8) and "conv_1" in found.notes[0]
    assert {row.explains for row in found.rows} == {"8"}
    assert "<img" in found._repr_html_() and found.path.name in str(found)


def test_numbered_by_model_and_method(own: Lab) -> None:
    paths = [own.explain("mlp", data="digits", rows=2, steps=8).path for _ in range(2)]
    paths.append(own.explain("mlp", data="digits", method="permutation", rows=20, repeats=1).path)
    assert [path.name for path in paths] == [
        "mlp-integrated_gradients-1.npy",
        "mlp-integrated_gradients-2.npy",
        "mlp-permutation-1.npy",
    ]
    assert {path.parent for path in paths} == {own.workspace.path("explanations")}
    np.testing.assert_array_equal(*(np.load(path) for path in paths[:2]))


def test_bad_input_leaves_nothing(own: Lab) -> None:
    before = left(own)
    with pytest.raises(InputError, match="no two-dimensional convolution"):
        own.explain("mlp", data="digits", method="grad_cam")
    with pytest.raises(UnknownNameError, match="no class 'ten'"):
        own.explain("cnn", data="digits", label="ten")
    with pytest.raises(InputError, match="has seen no data set yet"):
        own.explain("cnn")
    own.model.new("fresh", kind="mlp", data="digits")
    with pytest.raises(InputError, match="'fresh' has not been trained"):
        own.explain("fresh")
    with pytest.raises(InputError, match="--layer does not apply to --method permutation, only to grad_cam"):
        commands.read("%lepton explain cnn --data digits --method permutation --layer conv_1")
    assert left(own) == before


def test_an_interrupt_ends_it_and_leaves_nothing(own: Lab) -> None:
    before, others, timers = left(own), forkserver.children(), []

    def interrupt(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction and not timers:
            timers.append(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)))
            timers[0].start()

    unsubscribe = own.events.subscribe(interrupt, Progress)
    try:
        with pytest.raises(KeyboardInterrupt):
            own.explain("cnn", data="digits", method="integrated_gradients", rows=300, steps=20_000)
    finally:
        unsubscribe()
    assert timers and left(own) == before and forkserver.children() == others
