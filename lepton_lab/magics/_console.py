"""A kernel's `%lepton` line for whoever is not a cell: IPython's completion, and the page that shows the notebook.

Verbs are read on first use, so that loading the extension stays quick.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, LeptonError
from lepton_lab.magics._line import help_for, line_at, read
from lepton_lab.magics._session import current_lab, existing_lab, look

if TYPE_CHECKING:
    from lepton_lab.display import Table
    from lepton_lab.lab import Lab


class Console:
    """Runs, completes and explains lines.

    Parameters
    ----------
    ipython
        The shell whose variables the lines see.
    """

    def __init__(self, ipython: Any) -> None:
        self._ipython = ipython
        self._has_looked = False
        self.is_busy = False
        """Whether a cell runs, other than the one in which this was made."""

    def begin_cell(self, _: object = None) -> None:
        """IPython calls this before each cell."""
        self.is_busy = True

    def end_cell(self, _: object = None) -> None:
        """IPython calls this after each cell."""
        self.is_busy = False

    def existing_lab(self) -> Lab | None:
        """The same, or None while there is none; soon after the first call, one to look at if there is a workspace."""
        if not self._has_looked:
            self._has_looked = True
            threading.Thread(target=look, name="lepton-look", daemon=True).start()
        return existing_lab()

    def run(self, text: str) -> object:
        """Do what a whole `%lepton` line, or a `%%lepton` cell, asks for; gives what a cell with it would have.

        Raises
        ------
        InputError
            If it can't be read, or shows something that lives in a cell.
        """
        from lepton_lab.commands import run

        line, _, body = text.partition("\n")
        found, is_cell = line_at(line, 0), line.startswith("%%")
        if found is None or (body.strip() and not is_cell):
            raise InputError(f"{text!r} is not a %lepton line.")
        call = read(found[0], body if is_cell else None, self._ipython.user_ns)
        if not isinstance(call, tuple):
            return call
        verb, arguments = call
        if verb.call is not None:
            raise InputError(f"{verb.line} shows something that lives in a cell: run it in one.")
        return run(current_lab(), verb, arguments)

    def complete(self, text: str, cursor: int) -> tuple[list[str], int, int] | None:
        """What can stand at the cursor, and from where to where in the text it would stand; None if not in our line.

        Parameters
        ----------
        text, cursor
            A line or a cell, and where in it the cursor stands, in code points.
        """
        found = line_at(text, cursor)
        if found is None or cursor <= found[1]:
            return None
        from lepton_lab.magics._complete import complete
        from lepton_lab.magics._ui import ALL_VERBS

        fragment, words = complete(text[found[1] : cursor], _names, self._ipython.user_ns, ALL_VERBS)
        return words, cursor - len(fragment), cursor

    def inspect(self, text: str, cursor: int) -> Table | None:
        """Help for the verb or noun in the line where the cursor stands; None if there is none."""
        found = line_at(text, cursor)
        if found is None:
            return None
        from lepton_lab.commands import split

        try:
            return help_for(split(found[0].rstrip().removesuffix(";")))
        except LeptonError:  # a verb that is not there, or not there yet
            return None


def _names(kind: str) -> tuple[str, ...]:
    look()  # and no more: to press Tab is not to choose a workspace
    lab = existing_lab()
    return lab.names(kind) if lab is not None else ()
