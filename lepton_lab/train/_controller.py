"""The client's side of a run: start the ranks, watch them, end them.

States: starting -> running -> done, failed or cancelled; `stopping` between a wish to stop and its effect. Whatever
ends the run, `release` on every worker is the one way in which ranks and ports are let go.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import LeptonError, TrainingError, UserCodeError
from lepton_lab.events import Progress, Report, RunChanged
from lepton_lab.train import _supervisor, _workers
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._scoreboard import Scoreboard
from lepton_lab.types import Run, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)
CAUSE_SECONDS = 1.0
"""How long after a first failure to wait for an earlier cause from another rank."""
WAIT_SECONDS = 5.0
"""How long no rank may have begun before a word is said about it."""
EVENT_SECONDS = 5.0
"""How long the last reports may take to arrive after the results: they go another way through the scheduler."""


class Controller:
    """A training run under way.

    Parameters
    ----------
    job
        What to do.
    run
        The run's record as it starts; `run` is the record as it stands.
    client
        Connected to the cluster.
    workers
        One for each rank.
    threads
        Threads of each rank.
    report
        Told what happens.
    deliver
        What is done with the run when it has ended well, before it says `done`; if it raises, the run has failed.
    """

    def __init__(
        self,
        job: Job,
        run: Run,
        client: Client,
        workers: tuple[WorkerInfo, ...],
        threads: int,
        report: Report,
        deliver: Callable[[Controller, Run], None] = lambda controller, run: None,
    ) -> None:
        self.job, self.client, self.workers, self.threads, self.report = job, client, workers, threads, report
        self.deliver = deliver
        self.layers: list[tuple[str, str]] = []
        self.error: LeptonError | None = None
        self._run = run
        self._topic = _supervisor.topic(job)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._over = threading.Event()
        self._joined = threading.Event()
        self._board = Scoreboard(job, run.workers, report, run.folder / "metrics.jsonl")
        self._thread = threading.Thread(target=self._main, name=f"lepton-run-{job.run}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to end as cancelled; returns at once."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; False if `timeout` seconds went by before."""
        return self._over.wait(timeout)

    @property
    def run(self) -> Run:
        """The run as it stands now."""
        with self._lock:
            run = self._run
        if run.is_over:
            return run
        return replace(run, seconds=time.time() - run.started, history=self._board.snapshot())

    def _enter(self, state: str, message: str = "", only_from: str | None = None, **changes: Any) -> None:
        """Go to another state and tell; nothing happens in a final state, or in one other than `only_from`."""
        now = self.run
        with self._lock:
            if self._run.is_over or (only_from is not None and self._run.state != only_from):
                return
            self._run = run = replace(now, state=state, **changes)
        try:
            self.report(RunChanged(run=run.id, state=state, message=message))
        finally:  # whoever waits must not wait for ever, even where the record can't be written
            if run.is_over:
                self._over.set()

    def _main(self) -> None:
        try:
            self._finish(self._train())
        except LeptonError as error:
            self._end(error)
        except Exception as error:
            log.exception("run %s", self.job.run)
            self._end(TrainingError(f"The run failed: {type(error).__name__}: {error}"))
        finally:
            self._forget_topic()

    def _forget_topic(self) -> None:
        try:
            self.client.unsubscribe_topic(self._topic)
        except Exception:  # never subscribed, or the cluster has gone
            log.debug("topic %s", self._topic, exc_info=True)

    def _end(self, error: LeptonError) -> None:
        if self._stop.is_set():
            self._enter("cancelled", "stopped by the user")
        else:
            self.error = error
            self._enter("failed", str(error), error=str(error))

    def _finish(self, results: list[Mapping[str, Any]]) -> None:
        self._board.complete.wait(EVENT_SECONDS)
        loss, metric, rows = (sum(result["test"][place] for result in results) for place in range(3))
        metrics = {"test_loss": loss / rows, f"test_{self.job.metric}": metric / rows} if rows else {}
        self.layers = results[0]["layers"]
        self.deliver(self, replace(self.run, state="done", metrics=metrics))
        self._enter("done", metrics=metrics)

    def _train(self) -> list[Mapping[str, Any]]:
        """The results of all ranks, by rank; raises the earliest cause if one failed."""
        self.job.logs.mkdir(parents=True, exist_ok=True)
        self.report(RunChanged(run=self.job.run, state="starting"))
        self.client.subscribe_topic(self._topic, self._hear)
        futures: dict[Future[Any], int] = {}
        try:
            addresses = _workers.reserve(self.client, self.job.token, self.workers, self._stop.is_set)
            futures = _workers.in_one_go(self.client, lambda: self._submit(addresses))
            return self._watch(futures)
        finally:
            for future in futures:
                future.release()  # a worker that can't be reached sees by this that nobody waits any more
            _workers.release(self.client, self.job.token, self.workers)

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        self._joined.set()
        if event[1].get("type") == "progress":
            self._enter("running", only_from="starting")
        self._board.hear(event[1])

    def _submit(self, addresses: list[str]) -> dict[Future[Any], int]:
        """One supervising task per worker."""
        token = self.job.token
        futures = {}
        for rank, worker in enumerate(self.workers):
            seat = Seat(rank, worker.name, tuple(addresses), self.threads)
            future = self.client.submit(
                _supervisor.supervise,
                self.job,
                seat,
                worker.address,
                key=f"lepton-train-{token}-{rank}",
                pure=False,
                workers=[worker.address],
                allow_other_workers=True,
                resources={"lepton": 1},
                retries=0,
            )
            futures[future] = rank
        return futures

    def _watch(self, futures: dict[Future[Any], int]) -> list[Mapping[str, Any]]:
        outcomes: dict[int, _supervisor.Outcome] = {}
        failed_at: float | None = None
        started, is_told = time.monotonic(), False
        while len(outcomes) < len(futures):
            if self._stop.is_set():
                self._enter("stopping")
                raise TrainingError("The run was stopped.")
            for future, rank in futures.items():
                if rank not in outcomes and future.done():
                    outcomes[rank] = self._outcome(future, rank)
            failures = [outcome for outcome in outcomes.values() if outcome.error is not None]
            if failures:
                failed_at = failed_at or time.monotonic()
                certain = any(not failure.is_peer_error for failure in failures)
                if certain or time.monotonic() - failed_at > CAUSE_SECONDS:
                    break
            if not is_told and not self._joined.is_set() and time.monotonic() - started > WAIT_SECONDS:
                is_told = True
                self.report(Progress(f"train {self.job.run}", "waiting for workers that are busy with another run"))
            self._stop.wait(0.05)
        causes = [outcome for outcome in outcomes.values() if outcome.error is not None]
        if causes:
            cause = min(causes, key=lambda outcome: (outcome.is_peer_error, outcome.at)).error
            assert cause is not None
            raise cause if isinstance(cause, UserCodeError) else TrainingError(str(cause))
        return [outcomes[rank].result or {} for rank in range(len(futures))]

    def _outcome(self, future: Future[Any], rank: int) -> _supervisor.Outcome:
        try:
            outcome: _supervisor.Outcome = future.result()
        except Exception as error:  # the worker died, or the cluster went
            name = self.workers[rank].name
            cause = TrainingError(f"Worker {name} was lost ({type(error).__name__}): see %lepton cluster logs.")
            return _supervisor.Outcome(rank, time.time(), error=cause)
        return outcome
