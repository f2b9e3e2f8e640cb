"""The kernel's half of the talk with the JupyterLab extension; its twin is `extension/src/bridge.ts`.

The extension opens two comms. On `lepton_lab.requests` it asks, `{id, method, params}`, and is answered `{id, result}`
or `{id, error}`. On `lepton_lab.events` the kernel pushes `{event, data}`: the lab's summary whenever something came or
went, and the latest load of each worker and progress of each run. They are two because a message that the kernel sends
on a comm from outside a handler makes ipykernel 7.4 hold that comm's next request back until the running cell ends.

A training run publishes more often than a person can read, so nothing is pushed from the publisher's thread: events are
noted, the later in the earlier's place, and a thread pushes what was noted four times a second for as long as somebody
listens. That thread also finds the lab, which the first `%lepton` line makes, perhaps long after the page connected.

JupyterLab runs the handlers on a subshell, a thread beside the running cell; a lock guards what they share.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import math
import numbers
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, LeptonError, MissingExtraError, UnknownNameError
from lepton_lab.events import ClusterChanged, Event, NamesChanged, RunChanged, RunProgress, WorkerLoad

if TYPE_CHECKING:
    from comm.base_comm import BaseComm
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_lab.lab import Lab

REQUESTS = "lepton_lab.requests"
EVENTS = "lepton_lab.events"
HELLO = "lepton_lab.hello"
"""The kernel opens and closes a comm of this name to say that the other two can be opened."""
PERIOD = 0.25
"""Seconds between two pushes."""
EMPTY_SUMMARY: Mapping[str, Any] = {
    "cluster": {"state": "down", "name": "", "address": "", "dashboard": "", "workers": []},
    "devices": [],
    "datasets": [],
    "models": [],
    "runs": [],
    "exports": [],
}
"""What is to be seen before there is a lab."""

log = logging.getLogger(__name__)
_bridges: weakref.WeakKeyDictionary[InteractiveShell, Bridge] = weakref.WeakKeyDictionary()


def register(ip: InteractiveShell, get_lab: Callable[[], Lab | None]) -> None:
    """Let the JupyterLab extension connect to this kernel; does nothing in an IPython without a kernel.

    Parameters
    ----------
    ip
        The shell that loads Lepton Lab.
    get_lab
        Gives the lab, or None before there is one. It is asked often and must not make one.
    """
    manager = _comm_manager(ip)
    if manager is None:
        return
    from comm import create_comm

    unregister(ip)
    bridge = _bridges[ip] = Bridge(get_lab)
    manager.register_target(REQUESTS, bridge.open_requests)
    manager.register_target(EVENTS, bridge.open_events)
    create_comm(target_name=HELLO).close()


def unregister(ip: InteractiveShell) -> None:
    """Undo `register`: the extension sees the kernel as one without Lepton Lab."""
    bridge = _bridges.pop(ip, None)
    if bridge is None:
        return
    manager = _comm_manager(ip)
    manager.unregister_target(REQUESTS, bridge.open_requests)
    manager.unregister_target(EVENTS, bridge.open_events)
    bridge.close()


class Bridge:
    """Answers the extension's requests and pushes the lab's events to it.

    Parameters
    ----------
    get_lab
        Gives the lab, or None before there is one.
    """

    def __init__(self, get_lab: Callable[[], Lab | None]) -> None:
        self._get_lab = get_lab
        self._lock = threading.Lock()
        self._comms: set[BaseComm] = set()
        self._listeners: set[BaseComm] = set()
        self._noted: dict[tuple[str, ...], Event] = {}
        self._summary_due = False
        self._lab: Lab | None = None
        self._unsubscribe: Callable[[], None] = _nothing
        self._pushing = False
        self._wake = threading.Event()

    def open_requests(self, comm: BaseComm, _: object) -> None:
        """Take a page's requests; the comm manager calls this."""
        self._keep(comm)
        comm.on_msg(lambda message: comm.send(self.answer(message["content"]["data"])))

    def open_events(self, comm: BaseComm, _: object) -> None:
        """Push to a page from now on; the comm manager calls this."""
        self._keep(comm)
        with self._lock:
            self._listeners.add(comm)
            self._summary_due = True
            if not self._pushing:
                self._pushing = True
                self._wake.clear()
                threading.Thread(target=self._push_often, name="lepton-bridge", daemon=True).start()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to `{id, method, params}`; an error in it is one line for a person."""
        try:
            methods: dict[str, Callable[..., Any]] = {
                "summary": self._summary,
                "stop": self._stop,
                "bokeh": bokeh_source,
            }
            method = methods.get(request["method"])
            if method is None:
                raise UnknownNameError("request", request["method"], methods)
            return {"id": request["id"], "result": plain(method(**request.get("params") or {}))}
        except LeptonError as error:
            return {"id": request.get("id"), "error": str(error)}
        except Exception as error:
            log.exception("the request %r failed", request.get("method"))
            return {"id": request.get("id"), "error": f"{type(error).__name__}: {error}"}

    def close(self) -> None:
        """End the talk with all pages."""
        with self._lock:
            comms, self._comms = self._comms, set()
            self._listeners = set()
        self._wake.set()
        for comm in comms:
            comm.close()

    def _keep(self, comm: BaseComm) -> None:
        with self._lock:
            self._comms.add(comm)
        comm.on_close(lambda _: self._forget(comm))

    def _forget(self, comm: BaseComm) -> None:
        with self._lock:
            self._comms.discard(comm)
            self._listeners.discard(comm)

    def _summary(self) -> Mapping[str, Any]:
        lab = self._get_lab()
        return EMPTY_SUMMARY if lab is None else lab.summary()

    def _stop(self, run: str) -> dict[str, str]:
        lab = self._get_lab()
        if lab is None:
            raise InputError(f"Run {run!r} can't be stopped: this kernel has no lab yet. Run %lepton status first.")
        return {"run": run, "state": lab.run.stop(run).state}

    def _push_often(self) -> None:
        while self._follow_lab():
            try:
                self._push()
            except Exception:
                log.exception("the lab's state could not be pushed")
            self._wake.wait(PERIOD)

    def _follow_lab(self) -> bool:
        """Subscribe to the lab that there is now; ends the subscription and says False when nobody listens."""
        lab = self._get_lab()
        with self._lock:
            if not self._listeners:
                self._pushing, lab = False, None
            if lab is not self._lab:
                self._unsubscribe()
                self._lab, self._summary_due, self._noted = lab, True, {}
                kinds = (ClusterChanged, NamesChanged, RunChanged, RunProgress, WorkerLoad)
                self._unsubscribe = _nothing if lab is None else lab.events.subscribe(self._note, *kinds)
            return self._pushing

    def _note(self, event: Event) -> None:
        with self._lock:
            self._noted[_subject(event)] = event
            self._summary_due |= isinstance(event, (ClusterChanged, NamesChanged, RunChanged))

    def _push(self) -> None:
        with self._lock:
            events, self._noted = list(self._noted.values()), {}
            due, self._summary_due = self._summary_due, False
            listeners = list(self._listeners)
        pushes = [{"event": type(event).__name__, "data": plain(event)} for event in events]
        if due:
            pushes.append({"event": "SummaryChanged", "data": plain(self._summary())})
        for comm in listeners:
            for push in pushes:
                comm.send(push)


def bokeh_source(have: str | None = None) -> dict[str, str | None]:
    """BokehJS of this kernel's Bokeh: `{"version", "source"}`; the source is None if the page has that version.

    Bokeh is not imported for it: the text comes from its installed files.
    """
    spec = importlib.util.find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise MissingExtraError("bokeh", "Drawing panels")
    version = importlib.metadata.version("bokeh")
    if have == version:
        return {"version": version, "source": None}
    script = Path(spec.origin).parent / "server" / "static" / "js" / "bokeh.min.js"
    return {"version": version, "source": script.read_text("utf-8")}


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses become dicts, and numbers that JSON lacks (nan, inf) become None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _subject(event: Event) -> tuple[str, ...]:
    """What an event is about: a later one about the same thing replaces it."""
    match event:
        case WorkerLoad():
            return ("load", event.worker)
        case RunProgress():
            return ("progress", event.run)
        case RunChanged():
            return ("run", event.run)
        case NamesChanged():
            return ("names", event.kind, event.name)
        case _:
            return (type(event).__name__,)


def _comm_manager(ip: InteractiveShell) -> Any:
    return getattr(getattr(ip, "kernel", None), "comm_manager", None)


def _nothing() -> None:
    """What ends a subscription that there is not."""
