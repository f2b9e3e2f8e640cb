"""`lab.run`: the training runs of this lab, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from lepton_lab.errors import InputError, TrainingError, UnknownNameError
from lepton_lab.events import NamesChanged, Report, RunChanged
from lepton_lab.files import read_json, write_json
from lepton_lab.lab._workspace import INITIAL, START
from lepton_lab.train import Job
from lepton_lab.types import Listing, Run, WorkerInfo

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab
    from lepton_lab.train import Controller

Deliver = Callable[["Controller", Run], None]
"""What is done with a run that ended well, before it says `done`."""


class RunNoun:
    """The lab's training runs: those under way in this kernel, and the records of earlier ones."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._controllers: dict[str, Controller] = {}

    def names(self) -> tuple[str, ...]:
        """Ids of the runs."""
        return self._lab.workspace.run_names()

    def launch(self, job: Job, run: Run, workers: tuple[WorkerInfo, ...], threads: int, deliver: Deliver) -> Controller:
        """Start a run; returns at once."""
        from lepton_lab.train import Controller

        def publish(event: object) -> None:
            if isinstance(event, RunChanged):
                self._lab.workspace.save_run(controller.run)
                if controller.run.is_over:
                    for name in (INITIAL, START):
                        (run.folder / name).unlink(missing_ok=True)
            report(event)  # type: ignore[arg-type]  # every event of the controller is an Event

        report: Report = self._lab.events.publish
        self._lab.workspace.save_run(run)
        write_owner(run)
        controller = Controller(job, run, self._lab.cluster.handle.client, workers, threads, publish, deliver)
        self._controllers[run.id] = controller
        report(NamesChanged("run", run.id))
        controller.start()
        return controller

    def show(self, id: str) -> Run:
        """A run as it stands now.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        """
        if id in self._controllers:
            return self._controllers[id].run
        if id not in self.names():
            raise UnknownNameError("run", id, self.names(), "See %lepton runs.")
        run = self._lab.workspace.run(id)
        if run.is_over or owner_lives(run):
            return run
        return replace(run, state="failed", error="The kernel that ran it has gone.")

    def check_unused(self, kind: str, name: str) -> None:
        """Refuse to change what a run under way in this kernel works with.

        Raises
        ------
        InputError
            Names the run.
        """
        for controller in self._controllers.values():
            run = controller.run
            if not run.is_over and name == {"model": run.model, "data set": run.dataset}[kind]:
                raise InputError(
                    f"The {kind} {name!r} is in use by the run {run.id}: wait for it (%lepton run wait {run.id}), or "
                    f"end it (%lepton run stop {run.id})."
                )

    def stop(self, id: str | None = None) -> Run:
        """End a run as cancelled; by default the one under way. Workers stay.

        Raises
        ------
        InputError
            If no run is under way.
        """
        controller = self._active(id)
        controller.stop()
        controller.wait(10.0)
        return controller.run

    def wait(self, id: str | None = None) -> Run:
        """Wait until a run is over; by default the one under way. An interrupt cancels it.

        Raises
        ------
        TrainingError
            If the run failed; the message is the earliest cause.
        """
        return self.follow(self._active(id))

    def follow(self, controller: Controller) -> Run:
        """Wait for a run; an interrupt cancels it and goes on as KeyboardInterrupt."""
        try:
            while not controller.wait(0.2):
                pass
        except KeyboardInterrupt:
            controller.stop()
            controller.wait(10.0)
            raise
        if controller.error is not None:
            raise controller.error
        if controller.run.state == "failed":
            raise TrainingError(controller.run.error)
        return controller.run

    def stop_all(self) -> None:
        """End every run that is under way."""
        active = [controller for controller in self._controllers.values() if not controller.run.is_over]
        for controller in active:
            controller.stop()
        for controller in active:
            controller.wait(10.0)

    def _active(self, id: str | None) -> Controller:
        if id is not None:
            run = self.show(id)
            if id not in self._controllers:
                where = f"is over: {run.state}" if run.is_over else "belongs to another kernel: turn to it there"
                raise InputError(f"The run {id} {where}.")
            return self._controllers[id]
        active = [controller for controller in self._controllers.values() if not controller.run.is_over]
        if not active:
            raise InputError("No run is under way: see %lepton runs.")
        return active[-1]

    def list(self) -> Listing:
        """All runs, the latest last."""
        runs = sorted(map(self.show, self.names()), key=lambda run: run.started)
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


def write_owner(run: Run) -> None:
    """Note which process this run's controller lives in, for labs of other kernels."""
    process = psutil.Process()
    write_json(run.folder / "owner.json", {"pid": process.pid, "started": process.create_time()})


def owner_lives(run: Run) -> bool:
    """Whether the process that the run's controller lives in is still there."""
    try:
        owner = read_json(run.folder / "owner.json")
        return bool(psutil.Process(owner["pid"]).create_time() == owner["started"])
    except (OSError, ValueError, KeyError, psutil.Error):
        return False
