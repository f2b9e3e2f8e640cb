"""The compress form's own part, against what the runs measure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lepton_lab import widgets
from lepton_lab.compress import RECIPES, SCHEMES, SEARCH, TECHNIQUES, stages
from lepton_lab.lab import Lab
from lepton_lab.types import CompressedModel, Front, Measure, Preflight
from lepton_lab.widgets import Form

TRAINING = {"epochs", "batch_size", "learning_rate"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without a cluster, whose model counts as trained."""
    with Lab(tmp_path_factory.mktemp("compress")) as lab:
        lab.data.load("digits")
        lab.model.new("cnn", kind="cnn", data="digits", hidden_size=96)
        file(lab, "cnn", "trained")
        yield lab


def file(lab: Lab, name: str, stage: str, *lines: str) -> None:
    """A model of a stage that these lines made, which has the weights of `cnn`."""
    source = lab.model.show("cnn")
    with lab.workspace.replacing_model(name) as save:
        (save.folder / "model.keras").write_bytes(source.file.read_bytes())
        *earlier, made_by = lines or ("",)
        made = replace(source, name=name, folder=save.folder, stage=stage, dataset="digits")
        save(replace(made, made_by=made_by, earlier=tuple(earlier)))


def form(lab: Lab, model: str, technique: str, **values: str) -> Form:
    opened = widgets.open(lab, "compress", namespace={})
    assert isinstance(opened, Form)
    for name, value in {"model": model, "technique": technique, **values}.items():
        opened.fields[name].control.value = value
    return opened


def said(opened: Form) -> str:
    assert opened.aside is not None
    return html.unescape(opened.aside.widget.value)


def changes(opened: Form) -> list[float]:
    return [float(number or 1) for number in re.findall(r"([\d.]+) x smaller|the same", said(opened))]


def sizes(opened: Form) -> list[float]:
    """The four that are expected: raw now and then, after gzip now and then; in kB."""
    return [float(number) for number in re.findall(r"about ([\d.]+) kB", said(opened))]


@pytest.mark.parametrize("technique", [*TECHNIQUES, SEARCH])
def test_each_technique_has_its_own_fields_and_no_others(quiet: Lab, technique: str) -> None:
    opened = form(quiet, "cnn", technique)
    shown = {name for name, field in opened.fields.items() if field.shown}
    always = {"model", "technique", "data", "seed"}
    if technique == SEARCH:
        assert shown == always | TRAINING | {"budget", "recipes"}
    else:
        own = set(TECHNIQUES[technique].SETTINGS)
        trained = TRAINING | {"workers"} if TECHNIQUES[technique].HOOK else set()
        assert shown == always | own | trained | {"name", "dry_run"}
    opened.close()


@pytest.mark.parametrize(
    ("technique", "values", "raw", "packed"),
    [
        ("prune", {"sparsity": "0.8"}, 1, 3.9),
        ("cluster", {"clusters": "16"}, 1, 5.6),
        ("qat", {}, 4, 4),
        ("distill", {"width": "0.5"}, 4, 4),
        ("distill", {"student": "cnn"}, 1, 1),
        *(("quantize", {"scheme": name}, *[32 / scheme.BITS] * 2) for name, scheme in SCHEMES.items()),
    ],
)
def test_says_at_once_what_to_expect(
    quiet: Lab, technique: str, values: dict[str, str], raw: float, packed: float
) -> None:
    opened = form(quiet, "cnn", technique, **values)
    assert "an estimate from" in said(opened)
    for change, expected in zip(changes(opened), (raw, packed), strict=True):
        assert 0.75 * expected <= change <= expected  # what a small file has besides its weights stays
    opened.close()


def test_what_is_typed_changes_it_at_once(quiet: Lab) -> None:
    opened = form(quiet, "cnn", "prune")
    first = said(opened)
    opened.fields["sparsity"].slider.value = 0.95
    assert opened.line.endswith("--sparsity 0.95") and said(opened) != first
    opened.fields["sparsity"].control.value = "1.5"
    assert opened.errors["sparsity"] == "sparsity is 1.5, expected a number between 0 and 1, both excluded."
    opened.close()


def test_a_chain_counts_what_was_done_before(quiet: Lab) -> None:
    pruned = "%lepton compress cnn prune --sparsity 0.9"
    file(quiet, "pruned", "pruned", "%lepton train cnn", pruned)
    file(quiet, "again", "trained", "%lepton train cnn", pruned, "%lepton train pruned")
    whole, chained = form(quiet, "cnn", "quantize"), form(quiet, "pruned", "quantize")
    assert sizes(whole)[:2] == sizes(chained)[:2]  # raw sizes: zeros take their place
    assert sizes(chained)[3] < 0.5 * sizes(whole)[3]
    anew = form(quiet, "again", "quantize")
    assert said(anew) == said(whole)
    for opened in (whole, chained, anew):
        opened.close()


def test_a_search_says_what_it_will_try(quiet: Lab) -> None:
    opened = form(quiet, "cnn", SEARCH, recipes="4")
    tried = stages("cnn", 4)
    assert f"To be tried: {len(tried)} models, in 4 ways" in said(opened)
    assert all(name in said(opened) for name in tried) and "prune, sparsity 0.9" in said(opened)
    opened.fields["recipes"].slider.value = len(RECIPES)
    assert f"{len(stages('cnn', len(RECIPES)))} models" in said(opened)
    assert opened.line == f"%lepton compress cnn search --recipes {len(RECIPES)}"
    opened.close()


def test_what_is_found_is_shown_with_the_picture_of_all(quiet: Lab) -> None:
    opened = form(quiet, "cnn", SEARCH)
    measure = Measure(0.9, 1000, 800, 1e-5, dataset="digits")
    assert opened.aside is not None
    assert "<img" in opened.aside.after(Front("cnn", "digits", "accuracy>-0.5", measure, (), "", ""))
    assert opened.aside.after(Preflight("cnn", "prune", ())) == ""
    opened.close()


def test_what_would_happen_can_be_looked_at_first(quiet: Lab) -> None:
    opened = form(quiet, "cnn", "prune")
    opened.fields["dry_run"].control.value = True
    assert opened.line == "%lepton compress cnn prune --dry-run"
    opened.button.click()
    assert opened.wait(60) and opened.job is not None and opened.job.error is None
    assert "What prune would do to cnn" in opened.job.output.value and "80% zeros" in opened.job.output.value
    assert quiet.run.names() == () and not any("pruned" in name for name in quiet.model.names() if name != "pruned")
    opened.close()


def test_a_model_that_vanishes_leaves_nothing_to_expect(quiet: Lab) -> None:
    file(quiet, "passing", "trained")
    opened = form(quiet, "passing", "cluster")
    assert "about" in said(opened)
    quiet.model.drop("passing")
    assert said(opened) == ""
    opened.close()


def test_afterwards_it_shows_what_was_measured(lab: Lab, trained: str) -> None:
    opened = form(lab, trained, "quantize", scheme="dynamic")
    expected = sizes(opened)
    opened.button.click()
    assert opened.wait(90) and opened.job is not None
    assert opened.job.message.value == ""
    made = opened.result
    assert isinstance(made, CompressedModel)
    measured = [
        part / 1e3
        for each in ("raw_bytes", "gzip_bytes")
        for part in (getattr(made.before, each), getattr(made.after, each))
    ]
    assert expected == pytest.approx(measured, rel=0.15)
    for words in ("before", "after", "accuracy", "latency", "What was done to each layer"):
        assert words in opened.job.output.value
    # What is quantised is no Keras model any more: there is nothing to expect of compressing it again.
    opened.fields["model"].control.value = f"{trained}-dynamic"
    assert said(opened) == ""
    lab.model.drop(f"{trained}-dynamic")
    assert "no longer there" in opened.errors["model"] and opened.line == ""
    opened.close()
