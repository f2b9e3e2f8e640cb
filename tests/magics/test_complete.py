"""What is offered for a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab.commands import VERBS
from lepton_lab.compress import TECHNIQUES
from lepton_lab.magics._complete import complete
from lepton_lab.magics._ui import ALL_VERBS
from lepton_lab.panels import PANELS

NAMES = {"data set": ("digits", "mnist"), "model": ("cnn", "small"), "run": ("small-1",), "worker": ("w0", "w1")}


@pytest.mark.parametrize(
    ("text", "fragment", "words"),
    [
        ("tr", "tr", ["train"]),
        ("clu", "clu", ["cluster"]),
        ("cluster s", "s", ["status", "scale"]),
        ("run", "run", ["runs", "run"]),
        ("train cn", "cn", ["cnn"]),
        ("train s", "s", ["small"]),
        ("train m", "m", ["mlp"]),
        ("train cnn --o", "--o", ["--optimizer"]),
        ("train cnn --data ", "", ["digits", "mnist"]),
        ("train cnn --data=mn", "mn", ["mnist"]),
        ("data shard digits --by st", "st", ["stratified"]),
        ("data shard digits --by dirichlet --a", "--a", ["--alpha"]),
        ("data shard digits --a", "--a", []),
        ("compress cnn ", "", [*TECHNIQUES, "search"]),
        ("compress cnn quantize --s", "--s", ["--scheme", "--seed"]),
        ("cluster logs ", "", ["w0", "w1", "--lines"]),
        ("run stop s", "s", ["small-1"]),
        ("panel ", "", list(PANELS)),
        ("help data s", "s", ["show", "split", "shard"]),
        ("train cnn --epochs ", "", []),
        ("nonsense ", "", []),
        ("data load 'x", "'x", []),
        ("train cnn --augment flip,sh", "flip,sh", ["flip,shift"]),
    ],
)
def test_words(text: str, fragment: str, words: list[str]) -> None:
    assert complete(text, NAMES.__getitem__, {}, ALL_VERBS) == (fragment, words)


def test_nothing_typed_offers_every_first_word() -> None:
    _, words = complete("", NAMES.__getitem__, {}, ALL_VERBS)
    assert set(words) == {verb.words[0] for verb in ALL_VERBS} | {"help"}


def test_given_options_are_not_offered_again() -> None:
    _, words = complete("train cnn --data digits --", NAMES.__getitem__, {}, VERBS)
    assert "--data" not in words and "--epochs" in words and "--help" in words


def test_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frame.csv").touch()
    _, words = complete("data load fra", NAMES.__getitem__, {"frame": 1, "_f": 2}, VERBS)
    assert words == ["frame"]
    _, words = complete("predict cnn --rows ", NAMES.__getitem__, {"frame": 1, "_f": 2}, VERBS)
    assert words == ["frame"]
    _, words = complete(f"data load {tmp_path}/fra", NAMES.__getitem__, {}, VERBS)
    assert words == [f"{tmp_path}/frame.csv", f"{tmp_path}/frames/"]
    assert complete("data load /no/such/place/", NAMES.__getitem__, {}, VERBS)[1] == []


def test_parts_of_a_training() -> None:
    def offered(text: str) -> list[str]:
        return complete(text, lambda kind: (), {"my_loss": len, "precise": len}, VERBS)[1]

    assert offered("train cnn --optimizer ad") == ["adam", "adamw", "adagrad"]
    assert offered("train cnn --loss my") == ["my_loss"]
    assert offered("train cnn --metrics auc,pre") == ["auc,precision", "auc,precise"]
    assert "auc,auc" not in offered("train cnn --metrics auc,")
    assert offered("train cnn --class-weight ") == ["balanced"]
