"""`%lepton` and `%%lepton`: read the line, call the lab, nothing else."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, output_can_be_silenced

from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.magics._line import read
from lepton_lab.magics._session import current_lab


@magics_class
class LeptonMagics(Magics):  # type: ignore[misc]  # IPython is untyped
    """The magic, for a line and for a cell."""

    @output_can_be_silenced  # type: ignore[untyped-decorator]  # IPython is untyped
    @line_cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped
    def lepton(self, line: str, cell: str | None = None) -> object:
        """Lepton Lab: `%lepton help` says what there is."""
        try:
            return self._do(line, cell)
        except UserCodeError as error:
            print(error.user_traceback, file=sys.stderr)
            message = str(error)
        except LeptonError as error:
            message = str(error)
        except KeyboardInterrupt:
            message = ""
        # Raised out here, the traceback that IPython shows has none of the lab's own frames.
        if message:
            raise UsageError(message)
        raise KeyboardInterrupt

    def _do(self, line: str, cell: str | None) -> object:
        # Verbs are read on first use, so that loading the extension stays quick.
        from lepton_lab.commands import run
        from lepton_lab.magics._progress import Showing

        shell: Any = self.shell
        call = read(line, cell, shell.user_ns)
        if not isinstance(call, tuple):
            print(call.text())
            return None
        verb, arguments = call
        lab = current_lab()
        with Showing(shell, lab.events, verb):
            return run(lab, verb, arguments)
