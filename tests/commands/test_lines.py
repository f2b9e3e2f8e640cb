"""Lines become calls, and calls lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lepton_lab.commands import (
    REQUIRED,
    VERBS,
    Body,
    Bounds,
    Flag,
    Integer,
    Memory,
    Number,
    Parameter,
    Shape,
    Verb,
    find,
    parse,
    read,
    render,
    run,
    split,
    without_comment,
)
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.types import Held


def other_value(parameter: Parameter) -> object:
    """A value which is not the default."""
    kind = parameter.type
    if isinstance(kind, Flag):
        return True
    if isinstance(kind, Integer):
        return 4 if parameter.default == 3 else 3
    if isinstance(kind, Number):
        return 0.25 + (kind.minimum or 0)
    if isinstance(kind, Shape):
        return (8, 8, 1)
    if isinstance(kind, Memory):
        return "512MiB"
    if isinstance(kind, Bounds):
        return "2:3"
    if isinstance(kind, Body):
        return "def build(input_shape, num_classes):\n    return None\n"
    if kind.choices:
        return next(choice for choice in reversed(kind.choices) if choice != parameter.default)
    return 'it\'s a "name" with spaces'


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: ".".join(verb.words))
class TestEveryVerb:
    def test_a_full_line_comes_back(self, verb: Verb) -> None:
        given: dict[str, object] = {}
        for parameter in verb.parameters:
            if parameter.when is None:
                given[parameter.name] = other_value(parameter)
        for parameter in verb.parameters:
            if verb.applies(parameter, given):
                given.setdefault(parameter.name, other_value(parameter))
        assert read(render(verb, given)) == (verb, given)

    def test_a_short_line_comes_back(self, verb: Verb) -> None:
        given = {p.name: other_value(p) for p in verb.parameters if p.is_required}
        assert read(render(verb, given)) == (verb, given)

    def test_defaults_are_not_written(self, verb: Verb) -> None:
        given = {p.name: other_value(p) for p in verb.parameters if p.is_required}
        defaults = {p.name: p.default for p in verb.parameters if p.default is not REQUIRED}
        assert render(verb, {**given, **defaults}) == render(verb, given)


def test_the_line_of_a_call() -> None:
    verb, _ = find(["train"])
    line = render(verb, {"model": "cnn", "data": "digits", "epochs": 3, "batch_size": 64, "background": True})
    assert line == "%lepton train cnn --data digits --epochs 3 --background"


def test_both_forms_of_an_option() -> None:
    verb, _ = find(["train"])
    expected = {"model": "cnn", "data": "digits", "batch_size": 32}
    assert parse(verb, split("cnn --data=digits --batch-size 32")) == expected
    assert parse(verb, split("--batch-size=32 --data digits --model cnn")) == expected


class TestVariables:
    def test_a_variable_is_taken(self) -> None:
        verb, _ = find(["data", "load"])
        assert parse(verb, ["frame"], {"frame": 17}) == {"source": 17, "name": "frame"}  # called as the variable is
        name = parse(verb, ["frame"], {"frame": 17})["name"]
        assert isinstance(name, Held) and name.value == 17
        assert parse(verb, ["frame", "--name", "f"], {"frame": 17}) == {"source": 17, "name": "f"}
        assert parse(verb, ["path"], {"path": "a.csv"}) == {"source": "a.csv"}
        assert parse(verb, ["x,y"], {"x": 1, "y": 2}) == {"source": (1, 2)}
        assert parse(verb, ["x,z"], {"x": 1}) == {"source": "x,z"}
        assert parse(verb, ["x,y,w"], {"x": 1, "y": 2, "w": 3}) == {"source": (1, 2, 3)}
        values = parse(verb, ["x,y", "--weights", "w"], {"x": 1, "y": 2, "w": 3})
        assert values == {"source": (1, 2), "weights": 3}  # only the source gives a name

    def test_a_known_source_and_a_path_go_first(self, tmp_path: Path) -> None:
        verb, _ = find(["data", "load"])
        path = str(tmp_path)
        assert parse(verb, ["digits"], {"digits": 17}) == {"source": "digits"}
        assert parse(verb, [path], {path: 17}) == {"source": path}

    def test_a_value_has_no_line(self) -> None:
        with pytest.raises(InputError, match="name of a variable"):
            render(find(["data", "load"])[0], {"source": [1, 2]})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tran cnn", "There is no verb 'tran'. Did you mean 'train'?"),
        ("data lod x", "There is no verb 'data lod'. Did you mean 'data load'?"),
        ("cluster", "%lepton cluster needs a verb: up, status"),
        ("train cnn", "%lepton train needs --data DATASET: see %lepton train --help."),
        ("train cnn --data d --epohcs 3", "There is no option '--epohcs'. Did you mean '--epochs'?"),
        ("train cnn --data d --epochs many", "--epochs is 'many', expected a whole number of at least 1."),
        ("train cnn --data d --epochs 0", "--epochs is 0, expected a number of at least 1."),
        ("train cnn --data d --epochs", "--epochs needs a value: --epochs N."),
        ("train cnn --data --epochs 3", "--data needs a value: --data DATASET."),
        ("train cnn --data d --background=yes", "--background takes no value"),
        ("train cnn --data d --seed 1 --seed 2", "--seed is given twice"),
        ("train cnn --data d --learning-rate nan", "--learning-rate is 'nan', expected a number greater than 0"),
        ("train cnn other --data d", "%lepton train has no use for 'other'"),
        (
            "train cnn --data d --strategy singel",
            "expected one of auto, single, multiworker, mirrored, averaging, tpu. Did you mean 'single'?",
        ),
        ("compress cnn prune --scheme int8", "--scheme does not apply to TECHNIQUE prune, only to quantize"),
        ("compress cnn prune --sparsity 1", "--sparsity is 1.0, expected a number between 0 and 1, both excluded."),
        ("cluster up --memory lots", "expected an amount of memory such as 4GB"),
        ("cluster up --adapt 3", "--adapt is '3', expected the fewest and the most, such as 1:4."),
        ("cluster adapt 3:1", "expected the fewest and the most, such as 1:4."),
        ("model new n --input-shape 8x8", "such as 8,8,1"),
        ("data load 'x", "close the quote"),
    ],
)
def test_a_bad_line_is_told_in_one_line(line: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f"%lepton {line}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_line() -> None:
    with pytest.raises(InputError, match="not a %lepton line"):
        read("print(1)")
    with pytest.raises(UnknownNameError):
        read("%lepton")
    with pytest.raises(InputError, match="takes no text in the cell"):
        read("%%lepton data list\nbody")


def test_run_calls_the_lab(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    dataset = run(lab, *read("%lepton data load digits --name d --test-share 0"))
    assert dataset.splits == {"train": 1797}
    assert run(lab, *read("%lepton runs")).rows == ()


class TestParts:
    """What Keras knows by a name, or the notebook by another."""

    def given(self, line: str, namespace: dict[str, object] | None = None) -> dict[str, object]:
        arguments = read(f"%lepton train cnn --data d {line}", namespace)[1]
        return {name: value for name, value in arguments.items() if name not in ("model", "data")}

    def test_texts_and_numbers(self) -> None:
        assert self.given("--learning-rate 0.01") == {"learning_rate": 0.01}
        schedule = "CosineDecay(0.01, 2000)"
        assert self.given(f"--learning-rate '{schedule}'") == {"learning_rate": schedule}
        assert self.given("--optimizer 'SGD(momentum=0.9)'") == {"optimizer": "SGD(momentum=0.9)"}
        assert self.given("--metrics 'auc,Precision(top_k=2)'") == {"metrics": "auc,Precision(top_k=2)"}
        with pytest.raises(InputError, match=r"--learning-rate is 0\.0, expected a number greater than 0"):
            self.given("--learning-rate 0")

    def test_variables(self) -> None:
        def focal(y: object, p: object) -> object:
            return y

        namespace: dict[str, object] = {"focal": focal, "weights": {"a": 2}, "mae": 0.25, "mine": [focal], "os": os}
        assert self.given("--loss focal --class-weight weights", namespace) == {
            "loss": focal,
            "class_weight": {"a": 2},
        }
        assert self.given("--metrics auc,focal", namespace) == {"metrics": ["auc", focal]}
        assert self.given("--metrics 'focal,AUC(thresholds=[0.1, 0.2])'", namespace) == {
            "metrics": [focal, "AUC(thresholds=[0.1, 0.2])"]
        }
        assert self.given("--callbacks mine", namespace) == {"callbacks": [focal]}

    def test_keras_names_go_before_what_is_no_part(self) -> None:
        # A number that happens to be called as a metric is, and a module.
        namespace: dict[str, object] = {"mape": 0.25, "adam": object, "os": os}
        assert self.given("--metrics mape,os --optimizer adam", namespace) == {
            "metrics": "mape,os",
            "optimizer": "adam",
        }

    def test_an_object_has_no_line(self) -> None:
        with pytest.raises(
            InputError, match="A list can't be written on a line: give a name, or the name of a variable"
        ):
            render(find(["train"])[0], {"model": "cnn", "data": "d", "metrics": [1]})


def test_a_variable_stands_for_what_it_holds() -> None:
    rows = [[1.0]]
    assert read("%lepton predict cnn --rows x", {"x": rows})[1]["rows"] is rows
    assert read("%lepton predict cnn --rows x")[1]["rows"] == "x"
    with pytest.raises(InputError, match="A list can't be written on a line: give the name of a variable"):
        render(find(["predict"])[0], {"model": "cnn", "rows": rows})


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("data load digits  # the small one", "data load digits  "),
        ("data load digits #the small one", "data load digits "),
        ("# nothing else", ""),
        ("  #", "  "),
        ("data load digits # it's one", "data load digits "),
        ("data load a#b.csv", "data load a#b.csv"),
        ("data load https://x.org/d.csv#part", "data load https://x.org/d.csv#part"),
        ("train 'a # b' # c", "train 'a # b' "),
        ('train "a \\" # b" # c', 'train "a \\" # b" '),
        ("train a\\ # c", "train a\\ "),
        ("train \\# c", "train \\# c"),
        ("ui --color #ff0000 # red", "ui --color #ff0000 "),
        ("ui --color=#ff0000 #red", "ui --color=#ff0000 "),
        ("train --name # none", "train --name "),
        ("", ""),
    ],
)
def test_a_comment_begins_with_a_mark_of_its_own(line: str, rest: str) -> None:
    assert without_comment(line) == rest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"data load x.tsv --sep \t", ["data", "load", "x.tsv", "--sep", r"\t"]),
        (r"load .\data\x.csv", ["load", r".\data\x.csv"]),
        (r"load my\ file.csv \"a", ["load", "my file.csv", '"a']),
        (r"""load 'a\b' "c\d" "e\"f" \\g""", ["load", r"a\b", r"c\d", 'e"f', r"\g"]),
        ("load d\u00a0--name e  # so", ["load", "d", "--name", "e"]),
        ("load 'a\u00a0b'", ["load", "a\u00a0b"]),
    ],
)
def test_a_backslash_is_one_but_before_what_it_is_for(line: str, words: list[str]) -> None:
    assert split(line) == words
