"""`%lepton` in a real IPython."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import lepton_lab
from lepton_lab.commands import VERBS
from lepton_lab.types import Dataset, Status


def test_bare_line_is_status(ip: Any, workspace: Path) -> None:
    result = ip.run_cell("%lepton")
    assert isinstance(result.result, Status) and result.result.workspace == workspace
    assert not workspace.exists()


def test_returns_the_value(ip: Any) -> None:
    assert ip.run_cell("d = %lepton data load digits --name six").success
    assert isinstance(ip.user_ns["d"], Dataset)
    assert ip.user_ns["d"] == lepton_lab.current_lab().data.get("six")


def test_semicolon_silences(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert ip.run_cell("%lepton runs;").success
    assert capsys.readouterr() == ("", "")
    ip.run_cell("%lepton runs")
    assert "none yet" in capsys.readouterr().out


def test_shows_a_table_as_text(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("%lepton data load digits")
    out = capsys.readouterr().out
    assert "Data set digits" in out and "Dataset(" not in out


def test_variables_of_the_notebook(ip: Any) -> None:
    ip.run_cell("import numpy as np\nx = np.zeros((20, 3), 'float32'); y = np.arange(20) % 2\nn = 'pair'")
    assert ip.run_cell("%lepton data load x,y --name {n} --test-share 0").success
    assert lepton_lab.current_lab().data.get("pair").splits == {"train": 20}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%lepton trian cnn", "UsageError: There is no verb 'trian'. Did you mean 'train'?"),
        ("%lepton data shard digits --shrads 3", "Did you mean '--shards'?"),
        ("%lepton data shard dgits", "There is no data set 'dgits'. Did you mean 'digits'?"),
        ("%lepton panel devcies", "Did you mean 'devices'?"),
        ("%lepton cluster scale 3", "No cluster is up"),
        ("%%lepton data list\nx", "takes no text in the cell"),
    ],
)
def test_a_bad_line_is_one_line(ip: Any, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    ip.run_cell("%lepton data load digits;")
    capsys.readouterr()
    result = ip.run_cell(line)
    assert isinstance(result.error_in_exec, UsageError)
    seen = capsys.readouterr()
    assert message in seen.err and seen.err.strip().count("\n") == 0 and "Traceback" not in seen.out


def test_what_is_no_error_of_ours_has_its_traceback(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("class Broken:\n    layers = ()\n    def get_config(self): return 1 / 0\nbroken = Broken()")
    result = ip.run_cell("%lepton model add broken")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "Traceback" in capsys.readouterr().out


def test_what_a_call_in_python_raises_is_shown_without_the_labs_own_frames(
    ip: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ip.run_cell("from lepton_lab import current_lab\nlab = current_lab()")
    ip.run_cell("lab.data.get('digits')")
    seen = capsys.readouterr()
    shown = (seen.out + seen.err).strip()
    assert shown.startswith("UnknownNameError: There is no data set 'digits'") and "\n" not in shown
    Path("mine.py").write_text("def look(lab):\n    return lab.data.get('digits')\n")
    ip.run_cell("import sys; sys.path.insert(0, '')\nimport mine\nmine.look(lab)")
    seen = capsys.readouterr()
    assert "mine.py" in seen.out and "in look" in seen.out and "_data.py" not in seen.out


def test_help(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def out(line: str) -> str:
        assert ip.run_cell(line).success
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    assert all(verb.help in out("%lepton help") for verb in VERBS[:2])
    assert "panel" in out("%lepton --help")
    assert out("%lepton help data") == out("%lepton data --help")
    assert out("%lepton help train") == out("%lepton train cnn --help --epochs 3")
    assert "--shards" in out("%lepton help data shard")


def test_forms_open(ip: Any) -> None:
    assert ip.run_cell("f = %lepton ui data load").success
    assert ip.user_ns["f"].verb.words == ("data", "load")
    assert ip.run_cell("c = %lepton ui").success
    assert ip.user_ns["c"].form.verb.words == ("status",)
    ip.user_ns["f"].close()
    ip.user_ns["c"].close()


def test_an_interrupt_goes_on_as_one(ip: Any) -> None:
    ip.run_cell(
        "class Interrupting:\n"
        "    def __array__(self, *a, **k): raise KeyboardInterrupt\n"
        "    def __len__(self): raise KeyboardInterrupt\n"
        "x = Interrupting()"
    )
    result = ip.run_cell("%lepton data load x,x --name n")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)


def test_users_own_code_has_its_traceback_and_then_one_line(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("%lepton data load digits;")
    capsys.readouterr()
    body = "def build(input_shape, num_classes):\n    return 1 / 0\n"
    result = ip.run_cell(f"%%lepton model new bad --data digits\n{body}")
    assert isinstance(result.error_in_exec, UsageError)
    seen = capsys.readouterr()
    assert "in build" in seen.err and "UsageError" in seen.err.strip().splitlines()[-1]
    assert "ZeroDivisionError" in seen.err.strip().splitlines()[-1]
    assert "lepton_lab/magics" not in seen.out + seen.err
