"""What all panels share: hearing events, drawing a few times a second, and leaving a static picture behind.

Events come on the threads of whoever publishes them. A panel only writes them into its histories there; a thread of
its own draws, so that a picture is live while a cell runs and a fast publisher is never held up by drawing.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lepton_lab.display import GONE, Shown
from lepton_lab.errors import InputError
from lepton_lab.events import Bus, Event
from lepton_lab.panels._history import History, Merge, greatest, thinned
from lepton_lab.panels._picture import Picture
from lepton_lab.panels._svg import draw, image

if TYPE_CHECKING:
    from lepton_lab.panels._page import Change, Page

log = logging.getLogger(__name__)

REFRESH = 0.4
"""Seconds from one drawing to the next."""
KEEP = 50
"""Drawings from one renewal of the hidden static picture to the next, 20 s, unless it has other lines or parts."""
LIVE = "-live"
"""Ends the display id of the live view, which stands below the static picture's."""
NOTHING = {"text/html": GONE, "text/plain": ""}


class HasEvents(Protocol):
    """The part of a lab that a panel needs."""

    @property
    def events(self) -> Bus:
        """Where what happens is told."""


class Panel(Shown):
    """A live picture of what the bus tells; made by `panels.open`.

    In a notebook it is drawn by Bokeh while it is live. The cell has a static picture as well, hidden by the live view
    and renewed now and then, which is all that is left when the panel ends or the kernel goes: so a notebook that was
    saved at any time shows it without a kernel. Elsewhere a panel shows its last values as text.
    """

    name: ClassVar[str]
    """As `panels.open` takes it."""
    listens: ClassVar[tuple[type[Event], ...]]
    """The events that it draws."""

    def __init__(self, lab: HasEvents) -> None:
        events = lab.events
        self._lock = threading.RLock()  # around the histories: held for moments, publishers wait for it
        self._drawing = threading.RLock()  # around the page: held while drawing; taken before `_lock`, never after
        self._histories: dict[str, History] = {}
        self._page: Page | None = None
        self._displays: list[str] = []
        self._is_docked = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        with self._lock:
            # What is published from here on waits for the lock; it may be among the remembered events as well.
            self._unsubscribe = events.subscribe(self._hear, *self.listens)
            past = sorted(itertools.chain.from_iterable(map(events.recent, self.listens)), key=lambda e: e.time)
            self._known = {id(event): event for event in past if event.time > time.time() - 60}
            for event in past:
                self._take(event)

    @property
    def is_live(self) -> bool:
        """Whether it still follows the events."""
        return not self._ended.is_set()

    def close(self) -> None:
        """Stop following the events; the last picture stays, and no longer needs the kernel. Harmless if repeated."""
        self._unsubscribe()
        with self._drawing:
            if self._ended.is_set():
                return
            self._ended.set()
            self._leave_picture()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def dock(self) -> str:
        """Start the live view without a cell, for a place that goes on from one cluster or run to the next.

        Returns
        -------
        The id of the ipywidgets model to show; it may be shown several times, and again after a page was loaded again.

        Raises
        ------
        InputError
            If the panel has ended.
        """
        with self._drawing:
            if not self.is_live:
                raise InputError(f"The {self.name} panel has ended: open a new one.")
            self._is_docked = True
            return self._start().model_id

    def svg(self) -> str:
        """The picture as it is now, as an SVG document."""
        self._gather()
        with self._lock:
            return draw(self._picture(), self._histories)

    # --- each panel's own -------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Read from the lab what events only tell the change of. Called with the histories unlocked: it takes time."""

    def _choose(self, name: str) -> None:
        """A person chose this of what the picture offers; empty for none. Called on any thread."""

    def _write(self) -> None:
        """A person wants the lines that the picture offers as a cell. Called on any thread."""

    @abstractmethod
    def _take(self, event: Event) -> bool:
        """Note an event; returns whether it ends what the panel shows. Called with the histories locked."""

    @abstractmethod
    def _picture(self) -> Picture:
        """What is to be drawn now. Called with the histories locked."""

    # --- events and drawing -----------------------------------------------------------------------------------------

    def _history(self, key: str, columns: tuple[str, ...], merge: Merge = greatest) -> History:
        """The history of this key, made at its first use."""
        if key not in self._histories:
            self._histories[key] = History(columns, merge)
        return self._histories[key]

    def _hear(self, event: Event) -> None:
        with self._lock:
            if self._ended.is_set() or self._known.pop(id(event), None) is event:
                return
            ends = self._take(event)
        if ends and not self._is_docked:
            self.close()  # at once, on the publisher's thread: a notebook run without a person may end any moment

    def _changes(self, page: Page, picture: Picture) -> dict[str, Change]:
        """What the page lacks, by history: the rows since the last drawing, or all."""
        everything, limit, changes = page.lacks_all(picture), page.limit(picture), {}
        for key, history in self._histories.items():
            fresh = history.fresh()
            if everything or fresh is None or page.lacks(key, len(fresh), limit):
                changes[key] = (history.columns, thinned(history.rows(), limit, history.merge), True)
            else:
                changes[key] = (history.columns, fresh, False)
        return changes

    def _draw(self) -> None:
        with self._drawing:
            if self._page is None or self._ended.is_set():
                return
            self._gather()
            with self._lock:
                picture = self._picture()
                changes = self._changes(self._page, picture)
            if self._page.update(picture, changes):
                self._keep_picture()

    def _keep_drawing(self) -> None:
        for tick in itertools.count(1):
            if self._ended.wait(REFRESH):
                return
            try:
                self._draw()
                if tick % KEEP == 0:
                    self._keep_picture()
            except Exception:  # a picture must never end the work that it shows; the next one may succeed
                log.exception("the %s panel could not be drawn", self.name)

    # --- the notebook -----------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        text = str(self)
        return {"text/html": image(self.svg(), text), "text/plain": text}

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])

    def _ipython_display_(self) -> None:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if getattr(get_ipython(), "kernel", None) is None:
            print(self)
            return
        with self._drawing:
            if not self.is_live:
                display(self._repr_mimebundle_(), raw=True)
                return
            page, display_id = self._start(), uuid.uuid4().hex
            self._displays.append(display_id)
            display(page.hidden(self._repr_mimebundle_()), raw=True, display_id=display_id)
            display(page.view(), raw=True, display_id=display_id + LIVE)

    def _start(self) -> Page:
        """The page's side; opened, and drawn on from then on, at the first display."""
        if self._page is None:
            from lepton_lab.panels._page import Page

            self._page = Page(self._choose, self._write)
            self._thread = threading.Thread(target=self._keep_drawing, name=f"lepton-panel-{self.name}", daemon=True)
            self._thread.start()
            self._draw()
        return self._page

    def _keep_picture(self) -> None:
        """Renew the hidden static picture, for a notebook that is saved while this is live."""
        from IPython.display import update_display

        with self._drawing:
            if self._page is None or self._ended.is_set():
                return
            bundle = self._page.hidden(self._repr_mimebundle_())
            for display_id in self._displays:
                update_display(bundle, raw=True, display_id=display_id)

    def _leave_picture(self) -> None:
        """Show the static picture, and take every live view away."""
        if self._page is None:
            return
        from IPython.display import update_display

        try:
            bundle = self._repr_mimebundle_()
            for display_id in self._displays:
                update_display(bundle, raw=True, display_id=display_id)
                update_display(NOTHING, raw=True, display_id=display_id + LIVE)
            self._page.close(bundle)
        except Exception:  # the kernel may be on its way out, and its sockets gone
            log.exception("the %s panel could not leave its picture", self.name)
