"""`lab.run`: the training runs of this lab, wherever they are conducted, and what becomes of them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lepton_lab.errors import (
    InputError,
    Interrupted,
    LeptonError,
    StoppedError,
    TrainingError,
    UnknownNameError,
    UserCodeError,
)
from lepton_lab.events import Event, NamesChanged
from lepton_lab.lab._follow import Follower, as_it_stands
from lepton_lab.lab._training import check_files, order_for
from lepton_lab.lab._verbs import verbs
from lepton_lab.train import Reader, forget_wishes, kill_owner, wish, write_owner, write_run
from lepton_lab.types import Listing, Run

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab
    from lepton_lab.train import Order

STOP_SECONDS = 15.0
"""How long a run may take to stop."""
LEAVE_SECONDS = 20.0
"""How long runs may take to leave workers that are to go."""


@verbs
class RunNoun:
    """The lab's training runs. Each is conducted by a process of its own and stands in its folder, so that every kernel
    with this workspace sees and steers it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._followers: dict[str, Follower] = {}

    def names(self) -> tuple[str, ...]:
        """Ids of the runs."""
        return self._lab.workspace.run_names()

    def launch(self, order: Order) -> Run:
        """Start a run's controller; returns at once."""
        from lepton_lab import forkserver

        run = order.run
        forget_wishes(run.folder)
        write_run(run)
        write_owner(run.folder)  # until its controller has taken it over
        self._follower(run.id)
        forkserver.hold()
        child = forkserver.Child(
            "lepton_lab.train._controller:conduct", {"order": order}, log=run.folder / "controller.log", stays=True
        )
        child.close()
        self._lab.events.publish(NamesChanged("run", run.id))
        return run

    def _follower(self, id: str) -> Follower:
        """What publishes the run's events; made for a run that another kernel started, too."""
        follower = self._followers.get(id)
        if follower is None or follower.is_over:
            folder = self._lab.workspace.path("runs", id)
            follower = self._followers[id] = Follower(folder, self._lab.events.publish)
        return follower

    def show(self, id: str) -> Run:
        """A run as it stands now.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        """
        if not self._lab.workspace.has("runs", id, "run.json"):
            raise UnknownNameError("run", id, self.names(), "See %lepton runs.")
        return as_it_stands(self._lab.workspace.path("runs", id))

    def past(self, id: str | None = None) -> list[Event]:
        """All that a run has told so far, the earliest first, whichever kernels started it; None for the latest run.

        Nothing where there is no run, or its files are damaged.
        """
        if id is None:
            runs = self.readable()
            if not runs:
                return []
            id = runs[-1].id
        return Reader(self._lab.workspace.path("runs", id), past=True).read()

    def check_unused(self, kind: str, name: str) -> None:
        """Refuse to change what a run under way works with.

        Raises
        ------
        InputError
            Names the run.
        """
        for run in self.active():
            if name == {"model": run.model, "data set": run.dataset}[kind]:
                raise InputError(
                    f"The {kind} {name!r} is in use by the run {run.id}: wait for it (%lepton run wait {run.id}), or "
                    f"end it (%lepton run stop {run.id})."
                )

    def active(self) -> tuple[Run, ...]:
        """The runs under way, the latest last; one whose record is damaged is none."""
        return tuple(run for run in self.readable() if not run.is_over)

    def readable(self) -> list[Run]:
        """All runs but those whose records are damaged, the latest last."""
        runs = []
        for name in self.names():
            with suppress(LeptonError):
                runs.append(self.show(name))
        return sorted(runs, key=lambda run: run.started)

    def stop(self, id: str | None = None) -> Run:
        """End a run as cancelled; by default the one under way. Workers stay, and so does a checkpoint to go on from.

        Raises
        ------
        InputError
            If no run is under way.
        """
        return self._stop(self._active(id))

    def _stop(self, run: Run) -> Run:
        wish(run.folder, stop=True)
        deadline = time.monotonic() + STOP_SECONDS
        while not (now := as_it_stands(run.folder)).is_over and time.monotonic() < deadline:
            time.sleep(0.02)
        if not now.is_over:
            kill_owner(run.folder)  # it doesn't answer; its ranks end when they find that nobody waits for them
            now = as_it_stands(run.folder)
        return now

    def resume(self, id: str | None = None, *, background: bool = False) -> Run:
        """Go on with a run that was cancelled, failed, or lost its kernel or cluster; by default the latest such.

        It goes on from its last checkpoint, on the cluster that is up now, and ends with the weights that it would have
        had without the break.

        Parameters
        ----------
        background
            Whether to return at once.

        Raises
        ------
        InputError
            If there is no such run, it is under way or done, its data set is not what it was, or somebody else wrote
            or changed what it was started from.
        """
        run = self._resumable(id)
        self.check_unused("model", run.model)
        check_files(run)
        order = order_for(self._lab, run)
        from lepton_lab.train import fits

        fits(order.job.checkpoints, order.job.order)
        run = self.launch(order)
        return self.show(run.id) if background else self.follow(run.id)

    def _resumable(self, id: str | None) -> Run:
        if id is None:
            runs = [run for run in map(self.show, self.names()) if run.state in ("cancelled", "failed")]
            if not runs:
                raise InputError("No run was cancelled or failed: see %lepton runs.")
            id = max(runs, key=lambda run: run.started).id
        run = self.show(id)
        if not run.is_over:
            raise InputError(f"The run {id} is under way: %lepton run wait {id}.")
        if run.state == "done":
            raise InputError(
                f"The run {id} is done: train its model again with %lepton train {run.model} --warm-start."
            )
        return run

    def wait(self, id: str | None = None) -> Run:
        """Wait until a run is over, whichever kernel started it; by default the one under way. An interrupt cancels it.

        A run that is over already is given back at once.

        Raises
        ------
        TrainingError
            If the run failed; the message is the earliest cause.
        """
        return self.follow((self._active(None) if id is None else self.show(id)).id)

    def background(self, id: str | None = None) -> Run:
        """Have whoever waits for a run, a cell or a form, wait no longer; by default for the one under way. It goes on.

        What needs the run's result, such as a compression, waits on.

        Raises
        ------
        InputError
            If no run is under way.
        """
        run = self._active(id)
        self._follower(run.id).dismissals += 1
        return run

    def finish(self, id: str) -> Run:
        """Wait for a run whose result something else needs; `background` doesn't end the wait.

        Raises
        ------
        StoppedError
            If somebody ends it before.
        TrainingError
            If it fails.
        """
        run = self.follow(id, to_the_end=True)
        if run.state != "done":
            raise StoppedError(f"The run {id} was {run.state}, so that there is no result.")
        return run

    def follow(self, id: str, *, to_the_end: bool = False) -> Run:
        """Wait for a run, if not until its end then until `background`; an interrupt cancels it.

        An interrupt goes on as one, and says how to go on with the run.
        """
        follower = self._follower(id)
        dismissals = follower.dismissals
        try:
            while not follower.wait(0.1):
                if follower.dismissals > dismissals and not to_the_end:
                    break
        except KeyboardInterrupt:
            run = self._stop(self.show(id))
            if run.state == "done":  # it came to its end meanwhile
                raise
            done = len(run.history.get("loss", ()))
            raise Interrupted(
                f"the run {id} was stopped after {done} of {run.epochs} epochs: %lepton run resume {id} goes on."
            ) from None
        run = self.show(id)
        if run.state == "failed":
            raise UserCodeError(run.error, run.traceback) if run.traceback else TrainingError(run.error)
        return run

    def leave(self, workers: set[str]) -> None:
        """Have all runs leave workers that are to go; returns when they have."""
        runs = [run for run in self.active() if set(run.workers) & workers]
        for run in runs:
            wish(run.folder, avoid=sorted(workers))
        deadline = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < deadline:
            runs = [now for run in runs if not (now := self.show(run.id)).is_over]
            if not any(set(run.workers) & workers for run in runs):
                return
            time.sleep(0.05)

    def welcome(self) -> None:
        """Tell all runs that no worker is to go any more."""
        for run in self.active():
            wish(run.folder, avoid=[])

    def stop_all(self, cluster: str) -> None:
        """End every run under way on a cluster."""
        runs = [run for run in self.active() if run.cluster == cluster]
        for run in runs:
            wish(run.folder, stop=True)
        for run in runs:
            self._stop(run)

    def drop(self, id: str) -> Listing:
        """Remove a run that is over, with its checkpoints and logs; the model that it made stays."""
        if not self.show(id).is_over:
            raise InputError(f"The run {id} is under way: end it first (%lepton run stop {id}).")
        self._lab.workspace.drop("runs", id)
        self._lab.events.publish(NamesChanged("run", id))
        return self.list()

    def close(self) -> None:
        """Stop following; runs go on as long as their cluster."""
        for follower in self._followers.values():
            follower.stop()

    def _active(self, id: str | None) -> Run:
        if id is not None:
            run = self.show(id)
            if run.is_over:
                raise InputError(f"The run {id} is over: {run.state}.")
            return run
        active = self.active()
        if not active:
            raise InputError("No run is under way: see %lepton runs.")
        return active[-1]

    def list(self) -> Listing:
        """All runs, the latest first."""
        runs = sorted(map(self.show, self.names()), key=lambda run: run.started, reverse=True)
        rows = [
            (
                r.id,
                r.model,
                r.dataset,
                r.state,
                f"{len(r.history.get('loss', ()))}/{r.epochs}",
                ", ".join(f"{key} {value:.4f}" for key, value in r.metrics.items()) or r.error or "-",
            )
            for r in runs
        ]
        return Listing(
            "Runs",
            ("id", "model", "data", "state", "epochs", ""),
            tuple(rows),
            "none yet: %lepton train MODEL --data DATASET",
        )
