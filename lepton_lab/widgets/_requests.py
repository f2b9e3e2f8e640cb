"""What the page can ask of the kernel; the twin of `Requests` in `extension/src/tokens.ts`.

Every request is answered on a thread of its own: a line may take minutes, and a stop is to be heard meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lepton_lab.display import Shown, Table
from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.panels import PANELS
from lepton_lab.widgets._docks import Docks
from lepton_lab.widgets._plain import plain
from lepton_lab.widgets._states import states_of

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

log = logging.getLogger(__name__)

NO_LAB: Mapping[str, Any] = {
    "cluster": {
        "state": "down",
        "name": "",
        "dashboard": "",
        "is_own": False,
        "adapt": None,
        "workers": [],
        "missing": [],
    },
    "clusters": [],
    "devices": [],
    "datasets": [],
    "models": [],
    "runs": [],
    "exports": [],
    "workspace": "",
}
"""What is to be seen before there is a lab."""


class Console(Protocol):
    """The kernel's lab, and its `%lepton` line; the magics have it."""

    @property
    def is_busy(self) -> bool:
        """Whether a cell runs."""

    def existing_lab(self) -> Lab | None:
        """The lab, one to look at where a workspace is there already, or None; no line works on what this makes."""

    def run(self, text: str) -> object:
        """Do what a line asks for."""

    def complete(self, text: str, cursor: int) -> tuple[list[str], int, int] | None:
        """What can stand at the cursor, and from where to where; None where the line is not ours."""

    def inspect(self, text: str, cursor: int) -> Table | None:
        """Help for what stands at the cursor."""


class Requests:
    """Answers requests: each public method but `answer` and `close` is one, with the request's `params`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._docks = Docks()
        self._methods: Mapping[str, Callable[..., Any]] = {
            method.__name__: method
            for method in (
                self.summary,
                self.line,
                self.panel,
                self.panel_close,
                self.complete,
                self.inspect,
                self.widgets,
            )
        }

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to `{id, method, params}`: `{id, result}`, or `{id, error}` with one line for a person."""
        try:
            method = self._methods.get(request["method"])
            if method is None:
                raise UnknownNameError("request", request["method"], self._methods)
            return {"id": request["id"], "result": plain(method(**request.get("params") or {}))}
        except LeptonError as error:
            return {"id": request.get("id"), "error": str(error)}
        except Exception as error:
            log.exception("the request %r failed", request.get("method"))
            return {"id": request.get("id"), "error": f"{type(error).__name__}: {error}".partition("\n")[0]}

    def close(self) -> None:
        """Close the docked panels."""
        self._docks.close_all()

    def summary(self) -> Mapping[str, Any]:
        """What the sidebar shows, and whether a cell runs, which Jupyter tells a page that was loaded again wrongly."""
        lab = self._console.existing_lab()
        return {**(NO_LAB if lab is None else lab.summary()), "panels": list(PANELS), "is_busy": self._console.is_busy}

    def line(self, line: str) -> Mapping[str, str]:
        """Run a `%lepton` line beside the running cell; answered with its result when it is done."""
        return _shown(self._console.run(line))

    def panel(self, name: str) -> Mapping[str, str]:
        """Open, or find, the docked panel of a name. It makes no lab, since that would choose a workspace."""
        lab = self._console.existing_lab()
        if lab is None:
            raise InputError("There is nothing to show yet: the first %lepton line makes the lab.")
        return {"model_id": self._docks.open(lab, name)}

    def panel_close(self, name: str) -> Mapping[str, str]:
        """Close the docked panel of a name."""
        self._docks.close(name)
        return {}

    def complete(self, text: str, cursor: int) -> Mapping[str, Any]:
        """What can stand at the cursor of a line or cell."""
        words, start, end = self._console.complete(text, cursor) or ([], cursor, cursor)
        return {"matches": words, "start": start, "end": end}

    def inspect(self, text: str, cursor: int) -> Mapping[str, Any]:
        """Help for the `%lepton` line at the cursor."""
        table = self._console.inspect(text, cursor)
        return {"found": table is not None, **_shown(table)}

    def widgets(self, ids: list[str]) -> Mapping[str, Any]:
        """The state of widgets whose views a page has and which it doesn't know yet."""
        return states_of(ids)


def _shown(value: object) -> Mapping[str, str]:
    """A value as text and as HTML."""
    table = value.table() if isinstance(value, Shown) else value
    if isinstance(table, Table):
        return {"text": table.text(), "html": table.html()}
    return {"text": "", "html": ""}
