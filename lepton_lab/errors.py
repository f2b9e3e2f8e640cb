"""Errors that Lepton Lab raises on purpose.

::

    LeptonError                 anything a user can mend; its message is the whole story
    ├── InputError              a name, value, file or option that can't be used as given
    │   └── UnknownNameError    a name that the lab does not know; says the nearest one
    ├── ClusterError            no cluster, a cluster that did not start, a worker that went
    ├── WorkspaceError          a workspace that can't be written to, and why
    ├── DataError               rows that can't be read, or are not what was written
    ├── TrainingError           a run that failed; carries the earliest cause
    │   └── UserCodeError       the user's own code raised; carries its traceback
    ├── ConversionError         a model that can't be compressed or exported as asked
    ├── LibraryError            a library raised what nobody foresaw; carries its traceback
    └── MissingExtraError       an optional package is not installed; names the `pip install` line

    KeyboardInterrupt
    └── Interrupted             a verb was interrupted; its message says what became of its work

A message says what was received, what was expected and how to mend it, in one line. The user interface shows the
message alone; a traceback is shown for `UserCodeError` and for everything that is not a `LeptonError`.
"""

from __future__ import annotations

import difflib
import itertools
import os
import traceback
from collections.abc import Iterable
from pathlib import Path

_HERE = str(Path(__file__).parent) + os.sep


class _Calm(BaseException):
    """Shows itself in a notebook without the lab's own frames."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows where it was not caught: the message, and the user's own frames."""
        frames = traceback.extract_tb(self.__traceback__)
        above = itertools.takewhile(lambda frame: not frame.filename.startswith(_HERE), frames)
        own = [frame for frame in above if "IPython" not in Path(frame.filename).parts]
        where = traceback.format_list(own) if len(own) > 1 else []  # a single one is the cell itself
        return [*where, *self._details(), f"{type(self).__name__}: {self}"]

    def _details(self) -> list[str]:
        """What is to be seen above the message."""
        return []


class LeptonError(_Calm, Exception):
    """Anything a user can mend; the message says what came, what was expected and how to mend it."""


class Interrupted(_Calm, KeyboardInterrupt):  # it is no error, as KeyboardInterrupt is none
    """A verb was interrupted; the message says what became of its work, and the line that goes on with it if any."""


class InputError(LeptonError, ValueError):
    """A name, value, file or option that can't be used as given; raised before any work starts.

    Its message is one line, also where it shows a value that writes itself in several, as an array does.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(line.strip() for line in message.splitlines()) if "\n" in message else message)


class UnknownNameError(InputError):
    """A name that the lab does not know.

    Parameters
    ----------
    kind
        What was looked for, in words: `"data set"`, `"model"`, `"option"`.
    name
        The name as it came.
    known
        The names that exist, among which the nearest is suggested.
    hint
        How to make one, added at the end.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), hint: str = "") -> None:
        self.kind, self.name, self.known, self.hint = kind, name, tuple(known), hint
        super().__init__(" ".join(part for part in (f"There is no {kind} {name!r}.", self._suggestion(), hint) if part))

    def _suggestion(self) -> str:
        near = difflib.get_close_matches(self.name, self.known, n=1, cutoff=0.5)
        if near:
            return f"Did you mean {near[0]!r}?"
        return f"Known: {', '.join(self.known)}." if 0 < len(self.known) <= 20 else ""

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...], str]]:
        return type(self), (self.kind, self.name, self.known, self.hint)


class ClusterError(LeptonError):
    """No cluster, a cluster that did not start, or a worker that went."""


class WorkspaceError(LeptonError, OSError):
    """A workspace, or another place, that can't be read or written: full, read-only, no folder; says which and why."""


class DataError(LeptonError):
    """Rows that can't be read, or that are not what was written."""


class TrainingError(LeptonError):
    """A training run that failed; the message is the earliest cause."""


class StoppedError(LeptonError):
    """Work that its user ended; the message says how far it was."""


class UserCodeError(TrainingError):
    """The user's own code (model, loss, data) raised while it ran.

    Parameters
    ----------
    message
        The exception's last line, and where it was raised.
    user_traceback
        The traceback's text as the process that ran the code saw it.
    """

    def __init__(self, message: str, user_traceback: str = "") -> None:
        super().__init__(message)
        self.user_traceback = user_traceback

    def _details(self) -> list[str]:
        return [self.user_traceback] if self.user_traceback else []

    def __reduce__(self) -> tuple[type[UserCodeError], tuple[str, str]]:
        return type(self), (str(self), self.user_traceback)


class ConversionError(LeptonError):
    """A model that can't be compressed or exported as asked."""


class LibraryError(LeptonError):
    """What a library raised, in another process, of which nobody foresaw what to say.

    Parameters
    ----------
    message
        What was done, and the exception's last line.
    details
        The traceback's text as that process saw it.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details

    def __reduce__(self) -> tuple[type[LibraryError], tuple[str, str]]:
        return type(self), (str(self), self.details)


class MissingExtraError(LeptonError):
    """An optional package that is not installed."""

    def __init__(self, package: str, purpose: str, install: str = "") -> None:
        self.args_for_pickle = (package, purpose, install)
        super().__init__(f"{purpose} needs the package {package!r}: pip install {install or package}")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), self.args_for_pickle
