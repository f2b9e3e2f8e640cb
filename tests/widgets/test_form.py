"""Forms on a real lab."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lepton_lab import widgets
from lepton_lab.commands import VERBS, Verb, read
from lepton_lab.events import LineOffered, NamesChanged
from lepton_lab.lab import Lab
from lepton_lab.widgets import Form


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with data and no cluster."""
    with Lab(tmp_path_factory.mktemp("forms")) as lab:
        lab.data.load("digits")
        yield lab


def form(lab: Lab, words: str) -> Form:
    opened = widgets.open(lab, words, namespace={})
    assert isinstance(opened, Form)
    return opened


def fill(opened: Form, **values: str) -> Form:
    for name, value in values.items():
        opened.fields[name].control.value = value
    return opened


def note(opened: Form, name: str) -> str:
    return str(opened.fields[name].row.children[-1].value)


def output(opened: Form) -> str:
    assert opened.job is not None
    return str(opened.job.output.value + opened.job.message.value)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: ".".join(verb.words))
def test_every_verb_has_a_form(small: Lab, verb: Verb) -> None:
    opened = form(small, " ".join(verb.words))
    if not opened.errors:
        assert read(opened.line)[0] is verb
    for shown in (str(opened), html.unescape(opened._repr_html_())):
        assert opened.verb.line in shown
        parameters = [p for p in verb.parameters if opened.fields[p.name].shown and p.name not in opened.errors]
        assert all(p.usage() in shown and p.help in shown for p in parameters)
    opened.close()


class TestFields:
    def test_the_line_follows_what_is_typed(self, small: Lab) -> None:
        opened = form(small, "data shard")
        assert opened.line == "%lepton data shard digits"
        fill(opened, shards="4")
        assert opened.line == "%lepton data shard digits --shards 4"
        fill(opened, shards="-4")
        assert opened.line == "" and opened.button.disabled
        assert opened.errors == {"shards": "shards is -4, expected a number of at least 1."}
        fill(opened, shards="")
        assert opened.line == "%lepton data shard digits" and not opened.button.disabled
        opened.close()

    @pytest.mark.parametrize(
        ("verb", "name", "bad", "said"),
        [
            ("data shard", "shards", "few", "shards is 'few', expected a whole number of at least 1."),
            ("data show", "rows", "101", "rows is 101, expected a number between 1 and 100."),
            ("data load", "test_share", "nan", "test share is 'nan', expected a number between 0 and 0.9."),
            ("cluster up", "memory", "much", "memory is 'much', expected an amount of memory such as 4GB."),
            ("model new", "input_shape", "8x8", "expected whole numbers with commas between, such as 8,8,1."),
            ("train", "learning_rate", "0", "learning rate is 0.0, expected a number greater than 0."),
        ],
    )
    def test_what_is_wrong_stands_beside_the_field(self, small: Lab, verb: str, name: str, bad: str, said: str) -> None:
        opened = form(small, verb)
        good = opened.fields[name].control.value
        fill(opened, **{name: bad})
        assert opened.errors[name].endswith(said) and opened.button.disabled
        assert "data-wrong='true'" in note(opened, name) and "role='status'" in note(opened, name)
        assert opened.fields[name].label in opened._lacks.value
        fill(opened, **{name: good})
        assert name not in opened.errors and "data-wrong='false'" in note(opened, name)
        opened.close()

    def test_what_does_not_apply_is_hidden(self, small: Lab) -> None:
        opened = form(small, "data shard")
        assert opened.fields["key"].shown and not opened.fields["alpha"].shown
        fill(opened, by="dirichlet")
        assert opened.fields["alpha"].shown and not opened.fields["key"].shown
        fill(opened, alpha="0.1")
        assert opened.line == "%lepton data shard digits --by dirichlet --alpha 0.1"
        fill(opened, by="hash")
        assert opened.line == "%lepton data shard digits"
        opened.close()

    def test_what_is_not_chosen_is_said(self, small: Lab) -> None:
        opened = form(small, "data load")
        control = opened.fields["format"].control
        assert control.options[0] == ("(left out)", "") and control.value == ""
        fill(opened, source="digits")
        assert opened.line == "%lepton data load digits"
        control.value = "csv"
        assert opened.line == "%lepton data load digits --format csv"
        opened.close()

    def test_says_what_each_field_and_choice_means(self, small: Lab) -> None:
        opened = form(small, "train")
        assert "over all workers together" in note(opened, "batch_size")
        fill(opened, batch_size="many", strategy="averaging")
        assert "batch size is &#x27;many&#x27;" in note(opened, "batch_size")
        assert "over all workers" not in note(opened, "batch_size")
        assert "averaging: each worker learns by itself" in note(opened, "strategy")
        opened.close()

    def test_a_slider_and_its_field_go_together(self, small: Lab) -> None:
        opened = form(small, "data show")
        rows = opened.fields["rows"]
        rows.slider.value = 40
        assert rows.control.value == "40" and opened.line == "%lepton data show digits --rows 40"
        rows.control.value = "7"
        assert rows.slider.value == 7 and rows.control.value == "7"
        rows.control.value = "700"
        assert rows.slider.value == 7 and rows.control.value == "700"
        opened.close()

    def test_a_number_beyond_the_sliders_ends_stays_as_typed(self, small: Lab) -> None:
        opened = form(small, "compress")
        fill(opened, technique="prune", sparsity="0.995")
        assert opened.fields["sparsity"].control.value == "0.995" and "sparsity" not in opened.errors
        fill(opened, sparsity="0.123")
        opened.fields["sparsity"].slider.value = 0.12  # as the page puts it on its nearest step, without a hand on it
        assert opened.fields["sparsity"].control.value == "0.123"
        opened.fields["sparsity"].slider.value = 0.13
        assert opened.fields["sparsity"].control.value == "0.13"
        opened.close()

    def test_a_builder_makes_a_cell(self, small: Lab) -> None:
        opened = form(small, "model new")
        fill(opened, name="mine", builder="def build(input_shape, num_classes):\n    ...")
        assert opened.line == "%%lepton model new mine\ndef build(input_shape, num_classes):\n    ..."
        opened.close()

    def test_a_variable_of_the_notebook(self, small: Lab) -> None:
        import numpy as np

        namespace = {"x": np.zeros((20, 3), "float32"), "y": np.arange(20) % 2}
        opened = widgets.open(small, "data load", namespace=namespace)
        assert isinstance(opened, Form)
        assert tuple(opened.fields["source"].control.options) == ("digits", "x", "y")
        fill(opened, source="x,y", name="pair")
        assert opened.line == "%lepton data load x,y --name pair"
        opened.button.click()
        assert opened.wait(30)
        assert "pair" in small.names("data set")
        small.data.drop("pair")
        opened.close()


class TestNames:
    def test_come_and_go(self, small: Lab) -> None:
        opened = form(small, "data show")
        small.data.load("digits", name="more")
        assert opened.fields["name"].control.options == (("digits", "digits"), ("more", "more"))
        small.data.drop("more")
        assert opened.fields["name"].control.options == (("digits", "digits"),)
        assert opened.line == "%lepton data show digits"
        opened.close()
        small.data.load("digits", name="later")
        assert opened.fields["name"].control.options == (("digits", "digits"),)
        small.data.drop("later")

    def test_one_that_vanished_leaves_nothing_else_chosen(self, small: Lab) -> None:
        opened = form(small, "data drop")
        small.data.load("digits", name="more")
        fill(opened, name="more")
        small.data.drop("more")
        assert opened.errors == {"name": "'more' is no longer there: choose another data set"}
        assert opened.line == "" and opened.button.disabled
        small.data.load("digits", name="more")
        assert opened.line == "%lepton data drop more"
        small.data.drop("more")
        fill(opened, name="digits")
        assert opened.line == "%lepton data drop digits"
        opened.close()

    def test_an_option_that_vanished_is_left_out_with_a_word(self, small: Lab) -> None:
        opened = form(small, "model new")
        small.data.load("digits", name="more")
        fill(opened, name="mine", data="more")
        assert opened.line == "%lepton model new mine --data more"
        small.data.drop("more")
        assert opened.line == "%lepton model new mine" and "no longer there" in note(opened, "data")
        opened.close()

    def test_says_what_the_lab_lacks(self, small: Lab) -> None:
        opened = form(small, "export")
        assert opened.errors["model"] == "needed, and the lab has no model yet"
        assert "model" in opened._lacks.value
        opened.close()


class TestMoreOptions:
    def test_are_folded_away_and_counted(self, small: Lab) -> None:
        opened = form(small, "train")
        inside = opened.more.widget.children[1]
        assert inside.layout.display == "none" and opened.more.button.description == "More options (14)"
        opened.more.button.value = True
        assert inside.layout.display is None
        fill(opened, data="digits", model="cnn", clip_norm="1", strategy="averaging")
        assert opened.more.button.description == "More options (15, 1 changed)"
        assert opened.line == "%lepton train cnn --data digits --strategy averaging --clip-norm 1.0"
        opened.close()

    def test_can_be_filtered(self, small: Lab) -> None:
        opened = form(small, "train")

        def found() -> list[str]:
            return [f.parameter.name for f in opened.more.fields if f.row.layout.display != "none"]

        opened.more.filter.value = "CHECKPOINT"
        assert found() == ["checkpoint_seconds", "keep"]
        opened.more.filter.value = ""
        assert len(found()) == 14  # one does not apply
        opened.close()

    def test_a_verb_with_few_has_none(self, small: Lab) -> None:
        assert not form(small, "cluster scale").more.fields


class TestRun:
    def test_runs_the_line_and_tells_it(self, small: Lab) -> None:
        opened = fill(form(small, "data shard"), shards="3")
        opened.button.click()
        assert opened.wait(30)
        offered = small.events.recent(LineOffered)[-1]
        assert offered.line == "%lepton data shard digits --shards 3"
        assert offered.result is not None and "Shards of digits" in offered.result["text/plain"]
        assert "<table" in offered.result["text/html"]
        assert opened.job is not None and "Shards of digits" in opened.job.output.value
        assert opened.job.message.value == "" and not opened.button.disabled and opened.job.progress.value == ""
        opened.close()

    def test_shows_pictures(self, small: Lab) -> None:
        opened = form(small, "data show")
        opened.button.click()
        assert opened.wait(30) and "<img" in output(opened)
        opened.close()

    def test_an_error_is_one_line_in_the_form(self, small: Lab) -> None:
        offered = len(small.events.recent(LineOffered))
        opened = form(small, "data load")
        assert opened.errors == {"source": "needed"}
        assert "needed: </span>digits; a path" in note(opened, "source")
        fill(opened, source="/no/such/place.csv")
        opened.button.click()
        assert opened.wait(30)
        assert "/no/such/place.csv" in output(opened) and "Traceback" not in output(opened)
        assert "role='alert'" in output(opened)
        assert len(small.events.recent(LineOffered)) == offered and not opened.button.disabled
        opened.close()

    def test_a_bug_is_not_swallowed(self, small: Lab) -> None:
        class Fails(dict[str, object]):
            def __contains__(self, name: object) -> bool:
                raise ZeroDivisionError(name)

        opened = widgets.open(small, "model add", namespace=Fails(variable=1))
        assert isinstance(opened, Form)
        fill(opened, source="variable")
        opened.button.click()
        assert "ZeroDivisionError: variable (a bug" in opened.message.value
        opened.close()

    def test_the_line_is_offered_to_the_page(self, small: Lab) -> None:
        opened = form(small, "data shard")
        opened.line_view.insert_button.click()
        assert "copy it instead" in opened.message.value
        offered: list[LineOffered] = []
        stop = small.events.subscribe(offered.append, LineOffered)  # type: ignore[arg-type]  # only these are heard
        opened.line_view.insert_button.click()
        stop()
        assert [(event.line, event.result) for event in offered] == [("%lepton data shard digits", None)]
        assert opened.message.value == ""
        assert "%lepton data shard digits</pre>" in opened.line_view.widget.children[0].value
        opened.close()


def test_callbacks_on_several_threads(small: Lab) -> None:
    opened = form(small, "data shard")
    numbers = {"shards": range(1, 60), "seed": range(60), "key": range(60)}

    def type_into(name: str) -> None:
        for number in numbers[name]:
            opened.fields[name].control.value = str(number)

    def publish() -> None:
        for _ in range(60):
            small.events.publish(NamesChanged("data set", "digits"))

    threads = [threading.Thread(target=type_into, args=(name,)) for name in numbers]
    threads += [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert opened.message.value == "" and opened.line == "%lepton data shard digits --shards 59 --key 59"
    opened.close()


class TestTraining:
    def test_can_be_stopped(self, lab: Lab) -> None:
        opened = fill(form(lab, "train"), model="mlp", data="digits", epochs="100000", strategy="multiworker")
        assert opened.line == "%lepton train mlp --data digits --epochs 100000 --strategy multiworker"
        opened.button.click()
        job = opened.job
        assert job is not None and opened.button.disabled and job.stop_button.disabled
        eventually(lambda: re.search(r"epoch.*left", job.progress.value) or not job.is_running)
        assert job.is_running and not job.stop_button.disabled
        job.stop_button.click()
        assert opened.wait(30)
        assert "cancelled" in output(opened)
        assert "epoch" in job.progress.value  # the last state stays
        assert not opened.button.disabled
        opened.close()

    def test_goes_on_in_the_background(self, lab: Lab) -> None:
        opened = fill(form(lab, "train"), model="mlp", data="digits", epochs="100000", strategy="multiworker")
        opened.button.click()
        job = opened.job
        assert job is not None
        eventually(lambda: not job.background_button.disabled or not job.is_running)
        job.background_button.click()
        assert not opened.button.disabled and job.is_running and job.widget in opened._background.children
        fill(opened, optimizer="nosuch")
        opened.button.click()
        assert opened.job is not job and opened.wait(30)
        assert "nosuch" in output(opened)
        assert job.is_running and not opened.button.disabled
        job.stop_button.click()
        assert job.wait(30) and "cancelled" in job.output.value + job.message.value
        opened.close()

    def test_two_forms_at_once_stop_their_own_runs(self, lab: Lab) -> None:
        for name in ("one", "two"):
            lab.model.new(name, kind="mlp", data="digits", hidden_size=8)
        forms = [
            fill(form(lab, "train"), model=name, data="digits", epochs="100000", strategy="averaging")
            for name in ("one", "two")
        ]
        for opened in forms:
            opened.button.click()
        jobs = [opened.job for opened in forms]
        assert jobs[0] is not None and jobs[1] is not None
        eventually(lambda: all(job and job.run for job in jobs))
        assert [lab.run.show(str(job.run)).model for job in jobs if job] == ["one", "two"]
        forms[0].stop()
        assert forms[0].wait(30) and lab.run.show(str(jobs[0].run)).state == "cancelled"
        assert jobs[1].is_running and not lab.run.show(str(jobs[1].run)).is_over
        forms[1].stop()
        assert forms[1].wait(30)
        for opened in forms:
            opened.close()

    @pytest.mark.parametrize(
        ("verb", "values"),
        [("compress", {"technique": "search", "recipes": "3", "epochs": "1000"}), ("evaluate", {"folds": "3"})],
    )
    def test_work_of_many_runs_can_be_stopped(self, lab: Lab, verb: str, values: dict[str, str]) -> None:
        lab.model.new("many", kind="mlp", data="digits", hidden_size=64)
        lab.train("many", "digits", epochs=20)
        opened = fill(form(lab, verb), model="many", data="digits", **values)
        opened.button.click()
        job = opened.job
        assert job is not None and job.stop_button.disabled
        eventually(lambda: (lab.run.active() and not job.stop_button.disabled) or not job.is_running)
        job.background_button.click()
        assert not opened.is_running and not opened.button.disabled
        job.stop_button.click()
        assert job.wait(30)
        assert re.search(r"Stopped when \d of [34] were done", job.message.value)
        eventually(lambda: not lab.run.active())
        opened.close()

    def test_compressing_has_nothing_to_stop_unless_it_trains(self, lab: Lab, trained: str) -> None:
        opened = fill(form(lab, "compress"), model=trained, technique="quantize", scheme="float16")
        opened.button.click()
        opened.stop()
        assert opened.wait(60) and opened.job is not None and opened.job.error is None
        lab.model.drop(f"{trained}-float16")
        opened.close()


def test_a_cluster_that_goes_down_while_forms_are_open(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=1, threads=1, memory="2GB")
        lab.data.load("digits")
        logs, train = form(lab, "cluster logs"), fill(form(lab, "train"), model="mlp", data="digits", epochs="100000")
        assert logs.fields["worker"].control.options == (("(left out)", ""), ("w0", "w0"))
        train.button.click()
        job = train.job
        assert job is not None
        eventually(lambda: "epoch" in job.progress.value or not job.is_running)
        lab.cluster.down()
        assert train.wait(60) and not train.is_running and not train.button.disabled
        assert logs.fields["worker"].control.options == (("(left out)", ""),)
        train.button.click()
        assert train.wait(30)
        assert "No cluster is up" in output(train) and "role='alert'" in output(train)
        for opened in (logs, train):
            opened.close()
