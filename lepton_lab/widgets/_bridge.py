"""The kernel's half of the talk with the JupyterLab extension; its twin is `extension/src/bridge.ts`.

The extension opens two comms. On `lepton_lab.requests` it asks, `{id, method, params}`, and is answered `{id, result}`
or `{id, error}`. On `lepton_lab.events` the kernel pushes `{event, data}`: the lab's summary whenever something came or
went, and the latest load of each worker and progress of each run.

The page sends on the control channel, which is read while a cell runs: see `_control`. One that sends on the shell
channel is answered too, beside the cell where it has a subshell. There the two comms must be two, because a message
that the kernel sends on a comm from elsewhere than a handler, or what a handler began, makes ipykernel 7.4 hold that
comm's next request back until the running cell ends.

A training run publishes more often than a person can read, so nothing is pushed from the publisher's thread: events are
noted, the later in the earlier's place, and a thread pushes what was noted four times a second for as long as somebody
listens; what a person waits for wakes it at once. That thread also finds the lab, which the first `%lepton` line makes,
perhaps long after the page connected, and what nobody tells of: a cluster that died, what another kernel does.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lepton_lab.events import ClusterChanged, Event, LineOffered, NamesChanged, RunChanged, RunProgress, WorkerLoad
from lepton_lab.widgets._control import listen
from lepton_lab.widgets._plain import plain

if TYPE_CHECKING:
    from comm.base_comm import BaseComm
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_lab.lab import Lab
    from lepton_lab.widgets._requests import Console, Requests

REQUESTS = "lepton_lab.requests"
EVENTS = "lepton_lab.events"
HELLO = "lepton_lab.hello"
"""The kernel opens and closes a comm of this name to say that the other two can be opened."""
PERIOD = 0.25
"""Seconds between two pushes, and between two summaries at least."""
LOOK = 2.0
"""Seconds after which the summary is made anew although nothing was told."""
SHARE = 0.01
"""How much of the time that may take at most, where the workspace is large."""
CHANGES = (ClusterChanged, NamesChanged, RunChanged)
"""After which the summary is another."""
AT_ONCE = (ClusterChanged, RunChanged, LineOffered)
"""What a person waits for, who clicked; it comes seldom."""

log = logging.getLogger(__name__)
_registered: weakref.WeakKeyDictionary[InteractiveShell, tuple[Bridge, Callable[[], None]]]
_registered = weakref.WeakKeyDictionary()


def register(ip: InteractiveShell, console: Console) -> None:
    """Let the JupyterLab extension connect to this kernel; does nothing in an IPython without a kernel.

    Parameters
    ----------
    ip
        The shell that loads Lepton Lab.
    console
        Gives the lab, and runs lines.
    """
    manager = _comm_manager(ip)
    if manager is None:
        return
    from comm import create_comm

    unregister(ip)
    bridge = Bridge(console)
    manager.register_target(REQUESTS, bridge.open_requests)
    manager.register_target(EVENTS, bridge.open_events)
    _registered[ip] = bridge, listen(_kernel(ip), bridge.take)
    create_comm(target_name=HELLO).close()


def unregister(ip: InteractiveShell) -> None:
    """Undo `register`: the extension sees the kernel as one without Lepton Lab."""
    if ip not in _registered:
        return
    bridge, listen_no_more = _registered.pop(ip)
    manager = _comm_manager(ip)
    manager.unregister_target(REQUESTS, bridge.open_requests)
    manager.unregister_target(EVENTS, bridge.open_events)
    bridge.close()
    listen_no_more()


class Bridge:
    """Hands the extension's requests on and pushes the lab's events to it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._answering: Requests | None = None
        self._comms: dict[str, BaseComm] = {}
        self._listeners: dict[BaseComm, None] = {}  # in the order in which the pages came
        self._noted: dict[tuple[str, ...], Event] = {}
        self._summary_due = False
        self._summarized, self._patience = 0.0, LOOK
        self._shown: Any = None
        self._lab: Lab | None = None
        self._unsubscribe: Callable[[], None] = _nothing
        self._pushing = False
        self._wake = threading.Event()

    @property
    def requests(self) -> Requests:
        """What answers; made when it is first needed, so that loading the extension stays quick."""
        from lepton_lab.widgets._requests import Requests

        with self._lock:
            if self._answering is None:
                self._answering = Requests(self._console)
            return self._answering

    def open_requests(self, comm: BaseComm, _: object) -> None:
        """Take a page's requests; the comm manager calls this."""
        self._keep(comm)
        comm.on_msg(self.take)

    def open_events(self, comm: BaseComm, _: object) -> None:
        """Push to a page from now on; the comm manager calls this."""
        self._keep(comm)
        with self._lock:
            self._listeners[comm] = None
            self._summary_due = True
            self._wake.set()
            if not self._pushing:
                self._pushing = True
                _start("lepton-bridge", self._push_often)

    def take(self, message: Mapping[str, Any]) -> bool:
        """Take a message of a page; False if it is not for one of ours. Returns at once, the answer follows."""
        comm = self._comms.get(message["content"]["comm_id"])
        if comm is None:
            return False
        _start("lepton-request", self._answer, comm, message["content"]["data"])
        return True

    def _answer(self, comm: BaseComm, request: Mapping[str, Any]) -> None:
        reply = self.requests.answer(request)
        if comm.comm_id in self._comms:  # else the page has gone meanwhile
            comm.send(reply)

    def close(self) -> None:
        """End the talk with all pages."""
        with self._lock:
            comms, self._comms = self._comms, {}
            self._listeners = {}
            answering = self._answering
        self._wake.set()
        for comm in comms.values():
            comm.close()
        if answering is not None:
            answering.close()

    def _keep(self, comm: BaseComm) -> None:
        with self._lock:
            self._comms[comm.comm_id] = comm
        comm.on_close(lambda _: self._forget(comm))

    def _forget(self, comm: BaseComm) -> None:
        with self._lock:
            self._comms.pop(comm.comm_id, None)
            self._listeners.pop(comm, None)

    def _push_often(self) -> None:
        while self._follow_lab():
            self._wake.clear()
            try:
                self._push()
            except Exception:
                log.exception("the lab's state could not be pushed")
            self._wake.wait(PERIOD)

    def _follow_lab(self) -> bool:
        """Subscribe to the lab that there is now; ends the subscription and says False when nobody listens."""
        lab = self._console.existing_lab()
        with self._lock:
            if not self._listeners:
                self._pushing, lab = False, None
            if lab is not self._lab:
                self._unsubscribe()
                self._lab, self._summary_due, self._noted = lab, True, {}
                kinds = (*CHANGES, RunProgress, WorkerLoad, LineOffered)
                self._unsubscribe = _nothing if lab is None else lab.events.subscribe(self._note, *kinds)
            return self._pushing

    def _note(self, event: Event) -> None:
        with self._lock:
            self._noted[_subject(event)] = event
            self._summary_due |= isinstance(event, CHANGES)
        if isinstance(event, AT_ONCE):
            self._wake.set()

    def _push(self) -> None:
        with self._lock:
            events, self._noted = list(self._noted.values()), {}
            since = time.monotonic() - self._summarized
            due = self._summary_due and since >= PERIOD
            self._summary_due &= not due
        written = [event for event in events if isinstance(event, LineOffered) and event.result]
        self._send([_as_push(event) for event in events if event not in written])
        self._send([_as_push(event) for event in written], to_one=True)  # two pages would write two cells
        if due or since >= self._patience:
            self._push_summary(due)

    def _push_summary(self, due: bool) -> None:
        """Push the summary, if it is due or another than the last one."""
        self._summarized = time.monotonic()
        summary = plain(self.requests.summary())
        self._patience = max(LOOK, (time.monotonic() - self._summarized) / SHARE)
        if due or summary != self._shown:
            self._shown = summary
            self._send([{"event": "SummaryChanged", "data": summary}])

    def _send(self, pushes: list[dict[str, Any]], *, to_one: bool = False) -> None:
        """Push to all pages, or to the one that came last."""
        with self._lock:
            listeners = list(self._listeners)[-1 if to_one else 0 :]
        for comm in listeners:
            for push in pushes:
                comm.send(push)


def _as_push(event: Event) -> dict[str, Any]:
    return {"event": type(event).__name__, "data": plain(event)}


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
        case LineOffered():
            return ("line", event.line, str(event.time))
        case _:
            return (type(event).__name__,)


def _start(name: str, function: Callable[..., None], *arguments: object) -> None:
    """Run a function on a thread, in the handler's context: ipykernel 7 goes by that in what it sends."""
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(function, *arguments), name=name, daemon=True).start()


def _kernel(ip: InteractiveShell) -> Any:
    return getattr(ip, "kernel", None)


def _comm_manager(ip: InteractiveShell) -> Any:
    return getattr(_kernel(ip), "comm_manager", None)


def _nothing() -> None:
    """What ends a subscription that there is not."""
