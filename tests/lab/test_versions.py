"""Nothing learnt is lost: versions of models. Trainings are simulated by delivering what a run made."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from lepton_lab import commands
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import ignore
from lepton_lab.files import checksum, read_json, write_json
from lepton_lab.lab import Lab
from lepton_lab.lab._deliver import deliver
from lepton_lab.lab._versions import find, replacing, split_name, stem_of
from lepton_lab.magics._complete import complete
from lepton_lab.types import Model, Run

FIRST = b"first weights" * 1000
"""Of every model of these tests."""


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "workspace")


def make(lab: Lab, name: str = "net", weights: bytes = FIRST, **fields: object) -> Model:
    """Make a model anew as `model new` does; or, with another stage, as what it says."""
    with lab.workspace.replacing_model(name) as save:
        for file in ("model.keras", "initial.keras"):
            (save.folder / file).write_bytes(weights)
        model = Model(name, save.folder, "mlp", "new", "keras", (2,), (3,), 7, dataset="d")
        return save(replace(model, **fields))  # type: ignore[arg-type]


def train(lab: Lab, weights: bytes, name: str = "net", accuracy: float = 0.5) -> Model:
    """File what a run made, as its controller does."""
    lab.workspace.path("runs").mkdir(parents=True, exist_ok=True)
    folder = lab.workspace.path("runs", lab.workspace.claim_run(name))
    (folder / "model.keras").write_bytes(weights)
    (folder / "initial.keras").write_bytes(FIRST)
    metrics = {"test_accuracy": accuracy}
    run = Run(folder.name, name, "d", "done", folder, 1, 8, "single", (), time.time(), metrics=metrics)
    result = replace(lab.model.show(name), stage="trained", made_by=f"%lepton train {name} --data d")
    deliver(run, ignore, lab.workspace.folder, result, "initial.keras")
    return lab.model.show(name)


def weights_of(lab: Lab, name: str) -> bytes:
    return lab.model.show(name).file.read_bytes()


def test_names() -> None:
    assert split_name("net@3") == ("net", 3) and split_name("net") == ("net", None)
    assert split_name("net@0") == ("net@0", None) and split_name("@3") == ("@3", None)
    assert stem_of("net@3") == "net-v3" and stem_of("net") == "net"


def test_training_anew_keeps_the_one_before(own: Lab) -> None:
    make(own)
    assert train(own, b"one", accuracy=0.1).version == 1 and own.model.show("net").versions == ()
    now = train(own, b"two", accuracy=0.2)
    assert now.version == 2 and [version.number for version in now.versions] == [1]
    now = train(own, b"three", accuracy=0.3)
    assert [weights_of(own, name) for name in ("net", "net@1", "net@2", "net@3")] == [
        b"three",
        b"one",
        b"two",
        b"three",
    ]
    assert own.model.names() == ("net",) and own.names("model version") == ("net@1", "net@2")
    said = str(own.model.show("net"))
    assert (
        "trained, test_accuracy 0.2000, 13." in said and " kB: %lepton train net --data d" in said and "net@2 " in said
    )
    old = own.model.show("net@1")
    assert (old.name, old.version, old.metrics["test_accuracy"], old.versions) == ("net@1", 1, 0.1, ())
    assert "net@1" not in str(own.model.list()) and len(own.model.list().rows) == 1
    assert "versions" not in str(own.summary()["models"])


def test_equal_files_are_one(own: Lab) -> None:
    make(own)
    train(own, b"one")
    train(own, b"two")
    files = [own.model.show(name).folder / "initial.keras" for name in ("net", "net@1")]
    assert files[0].samefile(files[1]) and files[0].read_bytes() == FIRST


def test_what_never_learnt_is_no_version(own: Lab) -> None:
    make(own)
    assert make(own, weights=b"other first ones").version == 1
    train(own, b"one")
    assert make(own).version == 2  # made anew: what was learnt stays
    assert weights_of(own, "net@1") == b"one" and make(own, weights=b"x").version == 2
    added = make(own, "brought", kind="added")  # which has learnt elsewhere
    assert added.version == 1 and make(own, "brought", b"other", kind="added").version == 2
    assert make(own, "brought", b"other", kind="added").version == 2  # the very same


def test_restoring_loses_nothing(own: Lab) -> None:
    make(own)
    for weights in (b"one", b"two"):
        train(own, weights, accuracy=len(weights) / 10)
    restored = own.model.restore("net@1")
    assert (restored.name, restored.version, restored.metrics["test_accuracy"]) == ("net", 3, 0.3)
    assert [weights_of(own, name) for name in ("net", "net@1", "net@2")] == [b"one", b"one", b"two"]
    for name, words in (("net@3", "is what 'net' is now: name an earlier"), ("net", "one of net@1, net@2")):
        with pytest.raises(InputError, match=words):
            own.model.restore(name)
    with pytest.raises(UnknownNameError, match=r"no version 'net@9'\. Did you mean 'net@"):
        own.model.restore("net@9")
    assert commands.run(own, *commands.read("%lepton model restore net@2")) == own.model.show("net")


def test_dropping_says_what_it_frees(own: Lab) -> None:
    make(own)
    for n in range(5):
        train(own, bytes(10_000 + n))
    freed = own.model.drop("net@2")
    assert "dropped net@2: 1" in str(freed) and "kB freed" in str(freed)  # its first weights are others' too
    assert "dropped net@3, net@1: 2" in str(own.model.drop("net", keep=1))
    assert [version.number for version in own.model.show("net").versions] == [4]
    with pytest.raises(InputError, match="'net@5' is what 'net' is now: drop 'net', or restore"):
        own.model.drop("net@5")
    with pytest.raises(InputError, match="give 'net', or leave --keep out"):
        own.model.drop("net@4", keep=1)
    assert "dropped none of net's earlier versions: 0" in str(own.model.drop("net", keep=7))
    assert train(own, b"next").version == 6
    said = str(commands.run(own, *commands.read("%lepton model drop net")))
    assert "dropped net, net@5, net@4: " in said and own.model.names() == ()
    assert [path.name for path in own.workspace.path("models").iterdir()] == []


def test_a_kill_in_between_keeps_the_old_one(own: Lab) -> None:
    make(own)
    train(own, b"one")
    own.workspace.path("models", "net").rename(own.workspace.path("models", "net@1"))  # and no further
    assert own.model.names() == ("net",) and weights_of(own, "net") == b"one"
    assert own.model.show("net").versions == () and weights_of(own, "net@1") == b"one"
    assert train(own, b"two").version == 2 and weights_of(own, "net@1") == b"one"


def test_what_fails_changes_nothing(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    make(own)
    train(own, b"one")
    with pytest.raises(RuntimeError), own.workspace.replacing_model("net") as save:
        (save.folder / "model.keras").write_bytes(b"half")
        raise RuntimeError
    replace_path = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if self.name.startswith(".aside") and target.name == "net":
            raise OSError("no")
        return replace_path(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no"):
        train(own, b"two")
    assert weights_of(own, "net") == b"one" and own.model.show("net").versions == ()
    assert sorted(path.name for path in own.workspace.path("models").iterdir()) == ["net"]


def test_records_of_before_have_no_number(own: Lab) -> None:
    make(own)
    train(own, b"one")
    record = own.model.show("net").folder / "model.json"
    write_json(record, {key: value for key, value in read_json(record).items() if key != "version"})
    assert own.model.show("net").version == 1 and train(own, b"two").version == 2


def test_completion(own: Lab) -> None:
    make(own)
    train(own, b"one")
    train(own, b"two")
    assert complete("predict ne", own.names, {}, commands.VERBS)[1] == ["net"]
    assert complete("predict net@", own.names, {}, commands.VERBS)[1] == ["net@1"]
    assert complete("evaluate net --against net@", own.names, {}, commands.VERBS)[1] == ["net@1"]


@pytest.mark.parametrize("name", ["", ".", "..", "../net", "/etc", "**", "net@", "net*", "[", ".aside-x"])
def test_strange_names_are_none(own: Lab, name: str) -> None:
    make(own, "net")
    assert find(own.workspace.path("models"), name) is None
    with pytest.raises(UnknownNameError):
        own.model.show(name)


def test_a_version_of_a_version_is_none_and_the_nearest_is_one_that_is_there(own: Lab) -> None:
    make(own)
    train(own, b"one")
    train(own, b"two")
    with pytest.raises(UnknownNameError, match=r"There is no version 'net@2@1'\. Did you mean 'net@[12]'\?"):
        own.model.show("net@2@1")


def test_a_parent_is_found_among_versions(own: Lab) -> None:
    make(own)
    train(own, b"one")
    mark = checksum(own.model.show("net").file)
    train(own, b"two")
    found = own.workspace.model_of("net", mark)
    assert found is not None and found.name == "net@1"
    own.model.restore("net@1")
    assert (found := own.workspace.model_of("net", mark)) is not None and found.name == "net"
    assert own.workspace.model_of("net", "0" * 64) is None


def test_two_at_once_get_numbers_of_their_own(own: Lab) -> None:
    make(own)
    train(own, b"one")
    models = own.workspace.path("models")
    record = (models / "net" / "model.json").read_text()
    with replacing(models, "net") as slow:
        for name, text in (("model.keras", "slow"), ("model.json", record)):
            (slow / name).write_text(text)
        train(own, b"quick")
    assert own.model.show("net").version == 3 and weights_of(own, "net") == b"slow"
    assert weights_of(own, "net@2") == b"quick" and weights_of(own, "net@1") == b"one"
    assert not slow.exists()
