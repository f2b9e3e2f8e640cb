"""Every notebook that people are given runs as it is, in a folder of its own, and leaves what it promises."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [path for folder in ("tutorials", "notebooks") for path in sorted((ROOT / folder).glob("*.ipynb"))]


def test_there_is_a_quickstart() -> None:
    assert "01_quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_leaves_its_exports(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"])
    for line in _exports(notebook):
        model, _, _, to_name = line.partition("%lepton export ")[2].split()
        to = tmp_path / to_name
        content, manifest = to.read_bytes(), json.loads(to.with_name(f"{to.name}.json").read_text())
        assert to.suffix == ".tflite" and content[4:8] == b"TFL3"
        assert manifest["model"] == model and manifest["sha256"] == hashlib.sha256(content).hexdigest()
        assert manifest["agreement"]["same_answer"] > 0.95
        assert manifest["metrics"]["test_accuracy"] > 0.9
        assert f"Exported {model} as tflite" in shown


def _exports(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines that export to a file."""
    lines = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code").splitlines()
    found = [line for line in lines if "%lepton export " in line]
    assert found, "a notebook that exports nothing needs a check of its own here"
    return found
