"""`%lepton` and `%%lepton`: read the line, call the lab, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, output_can_be_silenced

from lepton_lab.errors import LeptonError, UserCodeError


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
        from lepton_lab.commands import find, parse, run, split
        from lepton_lab.magics._progress import Showing
        from lepton_lab.magics._session import current_lab
        from lepton_lab.magics._ui import ALL_VERBS

        words = split(line.rstrip().removesuffix(";"))  # IPython reads the mark for a silent line, and leaves it there
        if words[:1] == ["help"] or "--help" in words:
            print(_help([word for word in words if word != "--help"]))
            return None
        verb, tokens = find(words or ["status"], ALL_VERBS)
        shell: Any = self.shell
        arguments = parse(verb, tokens, shell.user_ns, cell)
        lab = current_lab()
        with Showing(shell, lab.events, verb):
            return run(lab, verb, arguments)


def _help(words: Sequence[str]) -> str:
    """Help for the verb or noun that these words begin with."""
    from lepton_lab.commands import find, help_text
    from lepton_lab.magics._ui import ALL_VERBS

    if words[:1] == ["help"]:
        return help_text(words[1:3], ALL_VERBS)
    if len(words) > 1 or any(verb.words == tuple(words) for verb in ALL_VERBS):
        return help_text(find(words, ALL_VERBS)[0].words, ALL_VERBS)
    return help_text(words, ALL_VERBS)
