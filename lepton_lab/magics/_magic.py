"""`%lepton` and `%%lepton`: read the line, call the lab, nothing else."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, output_can_be_silenced

from lepton_lab.errors import Interrupted, LeptonError
from lepton_lab.magics._line import read
from lepton_lab.magics._scope import names_in_sight
from lepton_lab.magics._session import current_lab


@magics_class
class LeptonMagics(Magics):  # type: ignore[misc]  # IPython is untyped
    """The magic, for a line and for a cell."""

    @output_can_be_silenced  # type: ignore[untyped-decorator]  # IPython is untyped
    @line_cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped
    def lepton(self, line: str, cell: str | None = None) -> object:
        """Lepton Lab: `%lepton help` says what there is."""
        raised: LeptonError | Interrupted
        try:
            return self._do(line, cell)
        except (LeptonError, Interrupted) as error:
            raised = error
        except KeyboardInterrupt:
            raised = Interrupted("the line has ended.")
        # Raised out here, so that a debugger opens where the line stands, and not in the lab.
        raise raised.with_traceback(None) from None

    def _do(self, line: str, cell: str | None) -> object:
        # Verbs are read on first use, so that loading the extension stays quick.
        from lepton_lab.commands import run
        from lepton_lab.magics._progress import Showing

        shell: Any = self.shell
        call = read(line, cell, {**shell.user_ns, **names_in_sight()})
        if not isinstance(call, tuple):
            print(call.text())
            return None
        verb, arguments = call
        lab = current_lab()
        with Showing(shell, lab.events, verb):
            return run(lab, verb, arguments)
