"""A run's controller: start the ranks, watch them, start them again from a checkpoint, end them.

It lives in a process of its own beside the kernel, forked from the fork server, so that a run neither waits for a busy
kernel nor dies with it; it ends with its cluster. The run's folder is how it is heard and told (`_journal`).

States: starting -> running -> done, failed or cancelled; `restarting` between two generations of ranks, `stopping`
between a wish to stop and its effect, `converting` while what was learnt becomes a `.tflite` file. Every start of the
ranks is a *generation*, and what an older one still says is not heard. Whatever ends a generation, `release` on every
worker is the one way in which ranks and ports are let go.

What ends a generation is one of three: the ranks are done; they were told to stop, and left a checkpoint; or one
failed. A failure that would only come again (the user's code or data: `Outcome.is_final`) fails the run at once. Any
other is put down to the machines, and the ranks start again from the last checkpoint."""

from __future__ import annotations

import logging
import queue
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import ClusterError, LeptonError, TrainingError, UserCodeError
from lepton_lab.events import EpochEnded, Event, RunChanged, RunNote, RunProgress
from lepton_lab.forkserver._child import resolve
from lepton_lab.train import _checkpoint, _journal, _supervisor, _workers
from lepton_lab.train._checkpoint import Checkpoint
from lepton_lab.train._chooser import Chooser
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._layout import Layout, of_one_kind
from lepton_lab.train._scoreboard import Scoreboard
from lepton_lab.types import Run, WorkerInfo

if TYPE_CHECKING:
    from distributed import Future

log = logging.getLogger(__name__)
CAUSE_SECONDS = 1.0
"""How long after a first failure to wait for an earlier cause from another rank."""
WAIT_SECONDS = 5.0
"""How long no rank may have begun before a word is said about it."""
EVENT_SECONDS = 5.0
"""How long the last reports may take to arrive after the results: they go another way through the scheduler."""
GRACE_SECONDS = 10.0
"""How long the ranks may take to stop by themselves and write a checkpoint."""
REPLACE_SECONDS = 10.0
"""How long to wait for a worker in place of one that was lost; then the run goes on with fewer."""
NOBODY_SECONDS = 60.0
"""How long to wait for any worker at all."""
POLL_SECONDS = 0.05
LISTEN_SECONDS = 0.1
"""How long to listen to ranks that have ever more to say, before looking after the rest again."""
SAVE_SECONDS = 0.3
"""How much time there is at least between two records that only tell of another epoch."""
SAVE_SHARE = 0.1
"""The part of the time that these may take: each holds the whole history."""


@dataclass(frozen=True)
class Order:
    """All that a controller needs to know."""

    job: Job
    run: Run
    strategy: str
    """One of `STRATEGIES`."""
    workers: int | None
    """How many to use at most."""
    only: tuple[str, ...]
    """Names of those to use, for as long as any of them is there; empty for all."""
    cluster: Mapping[str, Any]
    """Arguments of `lepton_lab.cluster:attach`."""
    deliver: str
    """`"module:function"` called with `run`, `report` and `delivery` when the run has ended well, before it says
    `done`."""
    delivery: Mapping[str, Any]
    attach: str = "lepton_lab.cluster:attach"


def conduct(order: Order) -> None:
    """The controller's process."""
    _journal.write_owner(order.run.folder)
    Controller(order).conduct()


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """The ranks were told to stop, and did; says why they were told."""


class Failed(Exception):  # noqa: N818  # a generation's end, which the run may outlive
    """A generation failed for a reason that may go away."""


class Controller:
    """One run, from its start to its end."""

    def __init__(self, order: Order) -> None:
        self.order, self.job = order, order.job
        self.run = order.run
        self.report = _journal.Journal(order.run.folder)
        self.board = Scoreboard(self.job, self._take)
        self.chooser = Chooser(order.strategy, order.workers, self._note)
        self.cluster: Any = None
        self._topic = _supervisor.topic(self.job)
        self._generation = 0
        self._blind: dict[str, bool] = {}
        """By a worker's address, whether it doesn't see the run's folder; as far as that was asked."""
        self._wishes: dict[str, Any] = {}
        self._read = 0.0
        self._is_unsaved, self._save_at = False, 0.0
        self._inbox: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()

    def conduct(self) -> None:
        """Everything; never raises."""
        try:
            self._enter("starting")
            self.cluster = resolve(self.order.attach)(**self.order.cluster)
            self.cluster.client.subscribe_topic(self._topic, lambda event: self._inbox.put(event[1]))
            self._finish(self._train())
        except Stopped:
            where = _checkpoint.names(self.job.checkpoints)
            how = f"; go on with %lepton run resume {self.run.id}" if where else ""
            self._enter("cancelled", f"stopped by the user{how}")
        except LeptonError as error:
            self._fail(error)
        except Exception as error:
            log.exception("run %s", self.job.run)
            self._fail(TrainingError(f"The run failed: {type(error).__name__}: {error}"))
        finally:
            if self.cluster is not None:
                self.cluster.close()

    # telling

    def _listen(self, seconds: float) -> None:
        """Take what the ranks have said; waits until one says something, at most `seconds`."""
        until = time.monotonic() + LISTEN_SECONDS
        with suppress(queue.Empty):
            self.board.hear(self._inbox.get(timeout=seconds))
            while time.monotonic() < until:
                self.board.hear(self._inbox.get_nowait())
        if self._is_unsaved and time.monotonic() > self._save_at:
            self._save()

    def _hear_out(self) -> None:
        """Wait for what ranks said that have ended."""
        deadline = time.monotonic() + EVENT_SECONDS
        while not self.board.is_complete and time.monotonic() < deadline:
            self._listen(POLL_SECONDS)

    def _take(self, event: Event) -> None:
        """What the scoreboard tells."""
        if isinstance(event, RunNote):
            self._note(event.message)
            return
        if isinstance(event, RunChanged):
            if self.run.state != "stopping":
                self._enter(event.state, event.message)
            return
        if isinstance(event, RunProgress):
            event = replace(event, elapsed=time.time() - self.run.started)
        self.report(event)
        if isinstance(event, EpochEnded):
            self._is_unsaved = True
        elif self.run.state in ("starting", "restarting"):
            self._enter("running")

    def _note(self, message: str) -> None:
        self.run = replace(self.run, notes=(*self.run.notes, message)[-50:])
        self._save()
        self.report(RunNote(run=self.run.id, message=message))

    def _save(self) -> None:
        began = time.monotonic()
        seconds = time.time() - self.run.started
        self.run = replace(self.run, seconds=seconds, history=self.board.snapshot())
        try:
            _journal.write_run(self.run)
        except OSError:  # a full disk: the record stays as it was until there is room
            log.exception("run.json")
        now = time.monotonic()
        self._is_unsaved, self._save_at = False, now + max(SAVE_SECONDS, (now - began) / SAVE_SHARE)

    def _enter(self, state: str, message: str = "", **changes: Any) -> None:
        self.run = replace(self.run, state=state, **changes)
        self._save()
        self.report(RunChanged(run=self.run.id, state=state, message=message))

    def _fail(self, error: LeptonError) -> None:
        if self._wants_stop():
            self._enter("cancelled", "stopped by the user")
            return
        traceback = error.user_traceback if isinstance(error, UserCodeError) else ""
        self._enter("failed", str(error), error=str(error), traceback=traceback)

    def _finish(self, results: list[Mapping[str, Any]]) -> None:
        self._hear_out()
        layers = tuple((str(name), str(what)) for name, what in results[0]["layers"])
        self.run = replace(self.run, metrics=results[0]["metrics"], layers=layers)
        self._save()
        resolve(self.order.deliver)(replace(self.run, state="done"), self.report, **self.order.delivery)
        shutil.rmtree(self.job.checkpoints, ignore_errors=True)
        self._enter("done")

    # generations

    def _train(self) -> list[Mapping[str, Any]]:
        """The results of all ranks, by rank."""
        failures, furthest = 0, -1
        while True:
            layout = self._layout()
            checkpoint = _checkpoint.latest(self.job.checkpoints, self._note)
            number = checkpoint.number if checkpoint is not None else 0
            if number > furthest:
                failures, furthest = 0, number
            try:
                return self._attempt(layout, checkpoint)
            except Stopped as reason:
                if str(reason) == "stop":
                    raise
                # nothing failed: the ranks go over to other workers or to another layout
                self._enter(self.run.state if self.run.state == "starting" else "running", str(reason))
            except Failed as failure:
                failures += 1
                if failures > self.job.max_failures:
                    times = f" {failures} times in a row, the last time" if failures > 1 else ""
                    raise TrainingError(f"The run failed{times}: {failure}") from None
                self._note(f"{failure} The run goes on from its last checkpoint.")
                self._enter("restarting", str(failure), restarts=self.run.restarts + 1)

    def _layout(self) -> Layout:
        """How to lay the ranks out now; waits a little for workers that are missing."""
        before = len(self.run.workers)
        began = time.monotonic()
        while True:
            self._check()
            present = self._present()
            waited = time.monotonic() - began
            enough = len(present) >= max(1, before if self._generation else 1)
            if present and (enough or waited > REPLACE_SECONDS):
                break
            if waited > NOBODY_SECONDS:
                seeing = f" that sees {self.run.folder}" if any(self._blind.values()) else ""
                raise ClusterError(
                    f"The cluster has had no worker{seeing} for {waited:.0f} s: scale it up, then go on with "
                    f"%lepton run resume {self.run.id}."
                )
            time.sleep(POLL_SECONDS)
        return self.chooser.choose(present)

    def _present(self) -> tuple[WorkerInfo, ...]:
        """The workers that may be used now."""
        avoid = set(self._wish().get("avoid", ()))
        try:
            workers = self.cluster.workers()
        except LeptonError:
            self._check()
            return ()
        able = self._seeing([w for w in workers if w.name not in avoid and w.state == "running"])
        return tuple(w for w in able if w.name in self.order.only) or able

    def _seeing(self, workers: Sequence[WorkerInfo]) -> tuple[WorkerInfo, ...]:
        """Those of these that see the run's folder, into which ranks write and out of which they read."""
        if any(worker.address not in self._blind for worker in workers):
            sight = self.cluster.sight(self.run.folder)
            blind = [worker for worker in sight.blind if worker.address not in self._blind]
            self._blind |= {w.address: False for w in sight.seeing} | {w.address: True for w in sight.blind}
            if blind:
                self._note(f"{replace(sight, blind=tuple(blind)).note}, to have this run use them.")
        return tuple(worker for worker in workers if not self._blind.get(worker.address))

    def _attempt(self, layout: Layout, checkpoint: Checkpoint | None) -> list[Mapping[str, Any]]:
        """One generation."""
        self._generation += 1
        workers = [place.worker for place in layout.places]
        self.run = replace(self.run, strategy=layout.strategy, workers=layout.workers)
        self._save()
        history = checkpoint.place.history if checkpoint is not None else {}
        self.board.restart(self._generation, layout.workers, history)
        client, token, generation = self.cluster.client, self.job.token, self._generation
        futures: dict[Future[Any], int] = {}
        try:
            addresses = _workers.reserve(client, token, generation, workers, self._wants_stop)
            visible = self._visible(layout)
            record = checkpoint.file.with_suffix(".json") if checkpoint is not None else None
            seats = [
                Seat(
                    rank,
                    place.worker.name,
                    tuple(addresses),
                    place.threads,
                    layout.strategy,
                    place.devices,
                    visible,
                    generation,
                    record,
                    is_verified=self.board.was_running,
                )
                for rank, place in enumerate(layout.places)
            ]
            futures = _workers.in_one_go(client, lambda: self._submit(seats, workers))
            return self._watch(futures, layout)
        except (ClusterError, OSError, TimeoutError) as error:
            self._check()
            raise Failed(str(error)) from error
        finally:
            for future in futures:
                future.release()  # a worker that can't be reached sees by this that nobody waits any more
            if self.cluster.is_alive:
                _workers.release(client, token, generation, workers)

    def _visible(self, layout: Layout) -> str:
        if layout.strategy != "mirrored":
            return ""
        host, able = layout.places[0].worker.host, of_one_kind(self._present())
        return _workers.visible_devices(self.cluster.client, [worker for worker in able if worker.host == host])

    def _submit(self, seats: list[Seat], workers: list[WorkerInfo]) -> dict[Future[Any], int]:
        """One supervising task per worker."""
        futures = {}
        for seat, worker in zip(seats, workers, strict=True):
            future = self.cluster.client.submit(
                _supervisor.supervise,
                self.job,
                seat,
                worker.address,
                key=f"lepton-train-{self.job.token}-{seat.generation}-{seat.rank}",
                pure=False,
                workers=[worker.address],
                allow_other_workers=True,
                resources={"lepton": 1},
                retries=0,
            )
            futures[future] = seat.rank
        return futures

    def _watch(self, futures: dict[Future[Any], int], layout: Layout) -> list[Mapping[str, Any]]:
        """Wait for the ranks' ends; tells them to stop where there is a reason."""
        outcomes: dict[int, _supervisor.Outcome] = {}
        failed_at: float | None = None
        started, is_told = time.monotonic(), False
        asked, asked_at = "", 0.0
        while len(outcomes) < len(futures):
            self._check_cluster()
            reason = self._reason_to_stop(layout)
            if reason and (not asked or reason == "stop" != asked):
                asked, asked_at = reason, time.monotonic()
                if reason == "stop":
                    self._enter("stopping")
                if not self.board.has_progressed:
                    raise Stopped(asked)  # nothing was learnt that a checkpoint could hold
                workers = [place.worker for place in layout.places]
                _workers.tell(self.cluster.client, self.job.token, self._generation, workers, "stop")
            if asked and time.monotonic() - asked_at > GRACE_SECONDS:
                raise Stopped(asked)
            for future, rank in futures.items():
                if rank not in outcomes and future.done():
                    outcomes[rank] = self._outcome(future, rank, layout)
            failures = [outcome for outcome in outcomes.values() if outcome.error is not None]
            if failures:
                failed_at = failed_at or time.monotonic()
                certain = any(not failure.is_peer_error for failure in failures)
                if certain or time.monotonic() - failed_at > CAUSE_SECONDS:
                    break
            self._listen(POLL_SECONDS)
            if not is_told and not self.board.was_heard and time.monotonic() - started > WAIT_SECONDS:
                is_told = True
                self._note("The run waits for workers that are busy with another run.")
        causes = [outcome for outcome in outcomes.values() if outcome.error is not None]
        if causes:
            first = min(causes, key=lambda outcome: (not outcome.is_final, outcome.is_peer_error, outcome.at))
            assert first.error is not None
            if not first.is_final:
                raise Failed(str(first.error))
            raise first.error if isinstance(first.error, UserCodeError) else TrainingError(str(first.error))
        results: list[Mapping[str, Any]] = [outcomes[rank].result or {} for rank in range(len(futures))]
        if results[0]["stopped"]:
            self._hear_out()
            raise Stopped(asked)
        return results

    def _reason_to_stop(self, layout: Layout) -> str:
        """Why the ranks should stop now: the user's wish, workers that came or are to go, or another layout."""
        if self._wants_stop():
            return "stop"
        leaving = set(self._wish().get("avoid", ())) & set(layout.workers)
        if leaving:
            return f"{', '.join(sorted(leaving))} is to leave"
        if self.run.state == "converting":
            return ""  # all is learnt: another layout would only begin anew
        return self.chooser.change(layout, self.board, self._present)

    def _outcome(self, future: Future[Any], rank: int, layout: Layout) -> _supervisor.Outcome:
        try:
            outcome: _supervisor.Outcome = future.result()
        except Exception as error:  # the worker died, or the cluster went
            name = layout.places[rank].worker.name
            cause = TrainingError(f"Worker {name} was lost ({type(error).__name__}): see %lepton cluster logs.")
            return _supervisor.Outcome(rank, time.time(), error=cause)
        return outcome

    # wishes, and whether there still is a cluster

    def _wish(self) -> dict[str, Any]:
        if time.monotonic() - self._read > POLL_SECONDS:
            self._wishes, self._read = _journal.read_wish(self.run.folder), time.monotonic()
        return self._wishes

    def _wants_stop(self) -> bool:
        return bool(self._wish().get("stop"))

    def _check(self) -> None:
        """Raise if there is no reason to go on."""
        if self._wants_stop():
            raise Stopped("stop")
        self._check_cluster()

    def _check_cluster(self) -> None:
        if not self.cluster.is_alive:
            raise ClusterError(
                f"The cluster has gone: start one (%lepton cluster up), then %lepton run resume {self.run.id}."
            )
