"""`%lepton` in a real IPython."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import lepton_lab
from lepton_lab.commands import VERBS
from lepton_lab.errors import LeptonError, UserCodeError
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
        ("%lepton trian cnn", "UnknownNameError: There is no verb 'trian'. Did you mean 'train'?"),
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
    assert isinstance(result.error_in_exec, LeptonError)
    seen = capsys.readouterr()
    assert message in seen.out and seen.out.strip().count("\n") == 0 and not seen.err


def test_what_is_no_error_of_ours_has_its_traceback(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("from lepton_lab import current_lab\ncurrent_lab().model.names = lambda: 1 / 0")
    result = ip.run_cell("%lepton model list")
    ip.run_cell("del current_lab().model.names")
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


def test_an_interrupt_goes_on_as_one(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell(
        "class Interrupting:\n"
        "    def __array__(self, *a, **k): raise KeyboardInterrupt\n"
        "    def __len__(self): raise KeyboardInterrupt\n"
        "x = Interrupting()"
    )
    result = ip.run_cell("%lepton data load x,x --name n")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    seen = capsys.readouterr()
    assert seen.out.strip() == "Interrupted: what was under way has ended, and nothing half-done is left."
    ip.run_cell("from lepton_lab import current_lab\ncurrent_lab().data.load((x, x), name='n')")
    assert capsys.readouterr().out == seen.out


def test_users_own_code_has_its_traceback_and_then_one_line(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("%lepton data load digits;")
    capsys.readouterr()
    body = "def build(input_shape, num_classes):\n    return 1 / 0\n"
    result = ip.run_cell(f"%%lepton model new bad --data digits\n{body}")
    assert isinstance(result.error_in_exec, UserCodeError)
    seen = capsys.readouterr()
    assert "in build" in seen.out and "UserCodeError" in seen.out.strip().splitlines()[-1]
    assert "ZeroDivisionError" in seen.out.strip().splitlines()[-1]
    assert "lepton_lab/magics" not in seen.out + seen.err


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("%lepton data load digits --name a  # the small one", ("a",)),
        ("%lepton data load digits --name a #at once", ("a",)),
        ("%lepton data load digits --name a; # it's silent", ("a",)),
        ("d = %lepton data load digits --name a # kept", ("a",)),
        ("%lepton data load digits \\\n  --name a \\\n --seed 3  # at the end", ("a",)),
        ("%lepton data load 'a # b.csv' # quoted", ("b",)),
    ],
)
def test_a_comment_ends_a_line(ip: Any, line: str, names: tuple[str, ...]) -> None:
    Path("a # b.csv").write_text("x,label\n" + "1,0\n2,1\n" * 5)
    line = line.replace("# quoted", "--name b  # quoted")
    assert ip.run_cell(line).success
    assert lepton_lab.current_lab().data.names() == names


def test_a_comment_ends_the_first_line_of_a_cell(ip: Any) -> None:
    ip.run_cell("%lepton data load digits;")
    body = "def build(input_shape, num_classes):\n    return 1 / 0  # not this one\n"
    result = ip.run_cell(f"%%lepton model new mine --data digits  # mine\n{body}")
    assert isinstance(result.error_in_exec, UserCodeError)


STUDIES = {
    "a function": "def study(share, rows=rows):\n    %lepton data load rows --name n --test-share {share}\nstudy(0.5)",
    "a dollar": "def study(part):\n    mine = rows\n    %lepton data load mine --name n --test-share $part\nstudy(0.5)",
    "an inner function": "def study(share):\n    mine = rows\n    def inner():\n"
    "        %lepton data load mine --name n --test-share 0.5\n    inner()\nstudy(0.5)",
    "a comprehension": "def study(share):\n    mine = rows\n    line = 'data load mine --name n --test-share 0.5'\n"
    "    return [get_ipython().run_line_magic('lepton', line) for _ in 'a']\nstudy(0.5)",
    "a method": "class Study:\n    def run(self, mine):\n"
    "        %lepton data load mine --name n --test-share {self.share}\n"
    "s = Study(); s.share = 0.5; s.run(rows)",
    "a class": "class Study:\n    mine = rows\n    %lepton data load mine --name n --test-share 0.5",
    "a loop": "for mine in [rows]:\n    %lepton data load mine --name n --test-share 0.5",
}


@pytest.mark.parametrize("cell", STUDIES.values(), ids=STUDIES)
def test_a_line_sees_the_variables_where_it_stands(ip: Any, cell: str) -> None:
    ip.run_cell("import pandas as pd\nmine = 'none'\nrows = pd.DataFrame({'a': range(20), 'label': [0, 1] * 10})")
    result = ip.run_cell(cell)
    assert result.success, result.error_in_exec
    assert lepton_lab.current_lab().data.get("n").splits == {"train": 10, "test": 10}


def test_what_a_line_raises_is_caught_as_what_it_is(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell(
        "from lepton_lab.errors import InputError, LeptonError, UnknownNameError\ncaught = []\n"
        "for kind in (UnknownNameError, InputError, LeptonError, ValueError):\n"
        "    try:\n        %lepton data show digitz\n    except kind as error:\n        caught.append(str(error))"
    )
    assert len(ip.user_ns["caught"]) == 4 and "There is no data set 'digitz'" in ip.user_ns["caught"][0]
    assert capsys.readouterr() == ("", "")


def test_a_line_in_a_function_is_shown_with_the_users_frames_alone(ip: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ip.run_cell("def study():\n    %lepton data show digitz\nstudy()")
    shown = capsys.readouterr().out.strip()
    assert ("in study" in shown and shown.endswith("See %lepton data list.")) or "digitz" in shown.splitlines()[-1]
    assert "_magic.py" not in shown and "interactiveshell" not in shown
