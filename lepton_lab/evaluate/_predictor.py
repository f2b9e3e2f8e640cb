"""The owner's side of one child that answers pieces: of the lab itself, or of a Dask worker."""

from __future__ import annotations

from collections.abc import Callable

from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.evaluate._work import Work
from lepton_lab.forkserver import Child, describe_exit, hold, own_devices

WATCH_SECONDS = 0.5
"""How often to see whether the answers are still wanted."""


class LostChildError(LeptonError):
    """The process that runs the model ended, or was ended; another one may do better."""


class Predictor:
    """A process that has the model loaded.

    Parameters
    ----------
    threads
        As `answer` takes it.
    spawn
        Whether it computes on a GPU, and so has to be started afresh.

    Raises
    ------
    LeptonError
        If the process can't be started.
    """

    def __init__(self, work: Work, threads: int | None = None, *, spawn: bool = False) -> None:
        self._work = work
        hold()
        self._child = Child(
            "lepton_lab.evaluate._answer:answer",
            {"work": work, "threads": threads},
            environment=_environment(threads),
            spawn=spawn,
        )

    def answer(self, piece: range, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Have a piece answered; one at a time.

        Raises
        ------
        LeptonError
            As the model or its file caused it; the process has ended then.
        LostChildError
            If the process was killed, or nobody wants the answers any more.
        """
        self._child.send("piece", piece)
        while True:
            match self._child.receive(WATCH_SECONDS):
                case ("answered", _):
                    return
                case ("error", LeptonError() as known, *_):
                    raise known
                case ("error", _, line, text):
                    raise UserCodeError(f"The model {self._work.model!r} raised {line}", text)
                case ("exit", code):
                    raise LostChildError(f"The process that ran {self._work.model!r} ended with {describe_exit(code)}.")
            if not is_wanted():
                self.close()
                raise LostChildError("Nobody waits for the answers any more.")

    def close(self) -> None:
        """End the process; safe from any thread."""
        self._child.kill()


def _environment(threads: int | None) -> dict[str, str]:
    """What the process needs before TensorFlow touches a device: its share of the cores, and the worker's GPU."""
    names = {"OMP_NUM_THREADS": str(threads)} if threads is not None else {}
    return names | own_devices()
