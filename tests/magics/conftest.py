"""A real shell with the extension loaded, and a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import lepton_lab


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the kernel's lab takes; not made yet."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("LEPTON_WORKSPACE", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def ip(workspace: Path) -> Iterator[InteractiveShell]:
    """IPython in this process."""
    shell = InteractiveShell.instance()
    lepton_lab.load_ipython_extension(shell)
    yield shell
    lepton_lab.unload_ipython_extension(shell)
    shell.reset(new_session=False)
