"""Every notebook that people are given runs as it is, in a folder of its own, and leaves what it promises."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.leftovers import leftovers

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [path for folder in ("tutorials", "notebooks") for path in sorted((ROOT / folder).glob("*.ipynb"))]
SHOWN = {
    "05_cluster_and_scheduling": (
        "no plan is shorter",
        "12 of 12 calls",
        "done again because a worker was lost",
        "died once: it was killed by SIGKILL",
        "1 to 3 workers, as many as there is work for",
        "30 of 30 calls",
        "w2",
    )
}
"""What the notebooks that export nothing show instead."""


def test_there_is_a_quickstart() -> None:
    assert "01_quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.timeout(700)  # a whole notebook, beside another file of tests
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_leaves_its_exports(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _check_what_is_read_without_widgets(notebook)
    shown = json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"])
    for text in SHOWN.get(path.stem, ()):
        assert text in shown
    for line in _exports(notebook) if path.stem not in SHOWN else ():
        model, format, _, to_name = line.partition("%lepton export ")[2].split()
        to = tmp_path / to_name
        manifest = json.loads((to / "manifest.json" if to.is_dir() else to.with_name(f"{to.name}.json")).read_text())
        if format == "tflite":
            content = to.read_bytes()
            assert content[4:8] == b"TFL3" and manifest["sha256"] == hashlib.sha256(content).hexdigest()
        assert (manifest["model"], manifest["format"]) == (model, format)
        assert manifest["agreement"]["same_answer"] > 0.95
        assert manifest["metrics"]["test_accuracy"] > 0.9
        assert f"Exported {model} as {format}" in shown


def _check_what_is_read_without_widgets(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        bundles = [output.data for output in cell.get("outputs", []) if "data" in output]
        for kind in ("text/plain", "text/html"):
            text = "".join(bundle.get(kind, "") for bundle in bundles)
            assert not leftovers(text), cell.source
            if cell.source.startswith("%lepton panel"):
                assert ("<img" in text) if kind == "text/html" else text.strip(), cell.source


def _exports(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines that export to a file."""
    lines = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code").splitlines()
    found = [line for line in lines if "%lepton export " in line]
    assert found, "a notebook that exports nothing needs a check of its own here"
    return found
