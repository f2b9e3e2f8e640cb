"""Where there are no widgets, the text says what the page would: in a terminal, and what a kernel sends beside them."""

from __future__ import annotations

import html
import json
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.leftovers import leftovers

VIEW = "application/vnd.jupyter.widget-view+json"
SHOWN = {
    "%lepton ui train": ("Form for %lepton train", "--data DATASET", "%lepton train cnn --data digits"),
    "%lepton ui data": ("Forms", "data shard", "Cut a data set's training rows"),
    "%lepton panel shards": ("Shards: no data set has any yet",),
    "%lepton status": ("Lepton Lab", "1,797 rows"),
    "%lepton data show digits --rows 2": ("Data set digits", "train  1,438"),
    "f = %lepton ui export\nprint(f)": ("Form for %lepton export",),
}


@pytest.mark.parametrize("source", SHOWN)
def test_in_a_terminal(ip: Any, capsys: pytest.CaptureFixture[str], source: str) -> None:
    assert ip.run_cell("%lepton data load digits;").success
    capsys.readouterr()
    assert ip.run_cell(source).success
    out = capsys.readouterr().out
    assert all(text in out for text in SHOWN[source])
    assert not leftovers(out)


def test_pictures_are_named_in_a_terminal(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("%lepton data load digits;")
    capsys.readouterr()
    ip.run_cell("%lepton data show digits --rows 3")
    assert "pictures of 0, 6, 9: seen in a notebook" in capsys.readouterr().out


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """A notebook that was run by nbconvert's hand, without a page."""
    folder = tmp_path_factory.mktemp("notebook")
    sources = ("%load_ext lepton_lab", "%lepton data load digits", *SHOWN)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.mark.parametrize("source", SHOWN)
def test_text_and_html_in_a_notebook(executed: nbformat.NotebookNode, source: str) -> None:
    outputs = next(cell.outputs for cell in executed.cells if cell.source == source)
    for kind in ("text/plain", "text/html"):
        shown = [output.get("data", {}).get(kind) or output.get("text", "") for output in outputs]
        text = html.unescape("".join(shown))
        assert not leftovers(text)
        for expected in SHOWN[source]:
            assert expected.split("  ")[0] in text
    # what nbconvert's HTML takes where it can, and has nothing beside it that would be lost
    assert all(output.data["text/plain"] == "" for output in outputs if VIEW in output.get("data", {}))


def test_html_of_nbconvert(executed: nbformat.NotebookNode) -> None:
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(executed)
    shown = html.unescape(page.partition("application/vnd.jupyter.widget-state+json")[0])
    for source, texts in SHOWN.items():
        assert texts[0] in shown, source
    assert len(json.dumps(executed)) < 5_000_000
