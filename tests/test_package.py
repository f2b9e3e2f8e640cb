"""The package's front door: what it offers, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import lepton_lab

ROOT = Path(lepton_lab.__file__).parent.parent
HEAVY = ("tensorflow", "bokeh", "dask", "distributed", "pandas", "ipywidgets", "sklearn", "numpy")


def test_public_names() -> None:
    assert lepton_lab.__all__ == ["Lab", "LeptonModel", "__version__", "current_lab"]
    for name in lepton_lab.__all__:
        assert getattr(lepton_lab, name) is not None


def test_import_loads_nothing_heavy() -> None:
    code = "import lepton_lab, sys, json; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not set(HEAVY) & set(json.loads(out))


def test_one_version() -> None:
    package = json.loads((ROOT / "extension" / "package.json").read_text())
    assert package["version"] == lepton_lab.__version__


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(lepton_lab, "Laboratory")
