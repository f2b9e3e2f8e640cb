"""Where a verb's work stands, as one line with a bar: the same for the magic and the forms.

Events come on the threads of whoever publishes them, so `hear` only notes them; whoever shows the bar asks for its
HTML or text a few times a second.

Several verbs may work at once, each on a thread of its own. What a verb tells of its steps, and the name of the run
that it starts, is published on its thread: so a bar knows its own verb's from another's.
"""

from __future__ import annotations

import html
import threading
import time

from lepton_lab.display import duration
from lepton_lab.events import Bus, EpochEnded, Event, NamesChanged, Progress, RunChanged, RunNote, RunProgress
from lepton_lab.types import FINAL_STATES

REFRESH = 0.2
"""Seconds between two drawings: a bar is drawn at most five times a second."""
NOTE_SECONDS = 15.0
"""How long a note stays beside a run that goes on: time to read it. The run's table keeps it."""


HEARD = (Progress, NamesChanged, RunProgress, EpochEnded, RunChanged, RunNote)


class Bar:
    """Follows the bus for as long as a verb works; made on the thread that the verb works on.

    Parameters
    ----------
    events
        The lab's bus.
    title
        What is said before the first event: the verb's words.
    training
        As `Verb.training`: whether a run is shown, and whether it may have begun before.
    run
        The run that is followed, where that is known; else the first that is heard of.
    """

    def __init__(self, events: Bus, title: str, training: str = "", run: str | None = None) -> None:
        self.title = title
        self.run = run
        """Id of the run that is shown, once one is."""
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._training: RunProgress | None = None
        self._validation: dict[str, float] = {}
        self._state = ""
        self._note, self._noted = "", 0.0
        self._training_wanted = training
        self._thread = threading.get_ident()
        self._version = 0
        self._unsubscribe = events.subscribe(self.hear, *HEARD)

    def hear(self, event: Event) -> None:
        """Note an event; safe from any thread."""
        with self._lock:
            is_own = threading.get_ident() == self._thread
            if isinstance(event, Progress) and is_own:
                self._progress = event
            elif isinstance(event, NamesChanged) and is_own and event.kind == "run" and self._training_wanted:
                if self.run != event.name:
                    self.run, self._training, self._validation, self._state, self._note = event.name, None, {}, "", ""
                    self._progress = None  # what came before the run is done
            elif isinstance(event, RunProgress | EpochEnded | RunChanged | RunNote) and self._is_ours(event.run):
                self.run = event.run
                match event:
                    case RunProgress():
                        self._training = event
                    case RunChanged():
                        self._state = event.state
                    case EpochEnded():
                        self._validation = {name: v for name, v in event.logs.items() if name.startswith("val_")}
                    case RunNote():
                        self._note, self._noted = event.message, time.monotonic()
            else:
                return
            self._version += 1

    def _is_ours(self, run: str) -> bool:
        return self.run == run or (self.run is None and self._training_wanted == "follows")

    @property
    def version(self) -> int:
        """Grows whenever there is something new to draw."""
        return self._version

    @property
    def is_worth_keeping(self) -> bool:
        """Whether the last state says something that the result does not: how a run went."""
        return self._training is not None

    def close(self) -> None:
        """Stop following; the last state stays."""
        self._unsubscribe()

    def _parts(self) -> tuple[float | None, str]:
        """The share done (None where it can't be known) and what is said beside the bar."""
        with self._lock:
            run, progress, training, state = self.run, self._progress, self._training, self._state
            validation, note, age = self._validation, self._note, time.monotonic() - self._noted
        if training is None:
            if note:
                return None, note
            if progress is None:
                what = f"{run}: {state or 'starting'}," if run else f"{self.title}:"
                return None, f"{what} {duration(time.monotonic() - self._began)}"
            return progress.fraction, f"{progress.task}: {progress.message}"
        done = (training.epoch - 1 + training.step / max(training.steps, 1)) / max(training.epochs, 1)
        facts = [f"{training.run}: epoch {training.epoch}/{training.epochs}", f"loss {training.loss:.4f}"]
        shown = {name: value for name, value in training.metrics.items() if name != "loss"} | validation
        facts += [f"{name} {value:.4f}" for name, value in shown.items()]
        rates = ", ".join(f"{worker} {rate:,.0f}" for worker, rate in sorted(training.rates.items()))
        if rates:
            several = f" ({rates})" if len(training.rates) > 1 else ""
            facts.append(f"{sum(training.rates.values()):,.0f} examples/s{several}")
        passed = [duration(training.elapsed)] if training.elapsed else []
        if state in (*FINAL_STATES, "restarting", "stopping", "converting"):
            facts += [*passed, state]
        else:
            passed += [f"{duration(training.remaining)} left"] if training.remaining is not None else []
            facts += [", ".join(passed)] if passed else []
        facts += [note] if note and age < NOTE_SECONDS else []
        return (1.0 if state == "done" else min(1.0, done)), "; ".join(facts)

    def text(self) -> str:
        """The bar for a terminal, in one line."""
        share, message = self._parts()
        if share is None:
            return message
        filled = round(20 * share)
        return f"[{'#' * filled}{'.' * (20 - filled)}] {share:4.0%}  {message}"

    def html(self) -> str:
        """The bar for a notebook, readable in a light and a dark theme."""
        share, message = self._parts()
        width = "width:30%;opacity:0.5" if share is None else f"width:{100 * share:.1f}%"
        now = "" if share is None else f" aria-valuenow='{100 * share:.0f}'"
        return (
            "<div class='lepton-bar' style='color:var(--jp-ui-font-color1, inherit);font-size:13px'>"
            f"<div role='progressbar' aria-label='{html.escape(self.title, quote=True)}' aria-valuemin='0' "
            f"aria-valuemax='100'{now} style='height:6px;max-width:480px;"
            "border-radius:3px;overflow:hidden;background:var(--jp-border-color2, #8884)'>"
            f"<div style='height:100%;{width};background:var(--jp-brand-color1, #1976d2)'></div></div>"
            f"<div style='margin-top:3px;font-variant-numeric:tabular-nums'>{html.escape(message)}</div></div>"
        )


def run_buttons(run: str, can_leave: bool) -> str:
    """HTML of buttons for the run that a cell waits for; they are seen where the JupyterLab extension is, which has the
    kernel run their lines beside the cell.

    Parameters
    ----------
    run
        Its id.
    can_leave
        Whether the cell may go on without it.
    """
    buttons = [("Stop", f"%lepton run stop {run}", "End the run; its workers stay")]
    if can_leave:
        buttons.append(("To background", f"%lepton run background {run}", "The run goes on, and the cell ends"))
    return "<div class='lepton-run-buttons' hidden>{}</div>".format(
        "".join(
            f"<button type='button' data-lepton-line='{html.escape(line)}' title='{title}'>{label}</button>"
            for label, line, title in buttons
        )
    )
