"""What the bar says."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from lepton_lab.events import Bus, EpochEnded, NamesChanged, Progress, RunChanged, RunNote, RunProgress
from lepton_lab.widgets import Bar, run_buttons


def progress(run: str, epoch: int = 2, step: int = 5) -> RunProgress:
    return RunProgress(run, epoch, 4, step, 10, 0.5, {"accuracy": 0.875}, {"w0": 1000.0, "w1": 500.0}, 12.0)


def test_first_says_the_verb() -> None:
    bar = Bar(Bus(), "cluster up")
    assert bar.text().startswith("cluster up: ") and not bar.is_worth_keeping


def test_a_message_with_and_without_a_share() -> None:
    bus = Bus()
    bar = Bar(bus, "export")
    bus.publish(Progress("export cnn", "converting <b>", 0.5))
    assert bar.text() == "[##########..........]  50%  export cnn: converting <b>"
    assert "converting &lt;b&gt;" in bar.html() and "width:50.0%" in bar.html() and "aria-label='export'" in bar.html()
    bus.publish(Progress("export cnn", "checking"))
    assert bar.text() == "export cnn: checking"


def test_a_run() -> None:
    bus = Bus()
    bar = Bar(bus, "train", "starts")
    bus.publish(NamesChanged("run", "cnn-1"))
    bus.publish(RunChanged("cnn-1", "running"))
    bus.publish(progress("cnn-1"))
    assert bar.text() == (
        "[########............]  38%  cnn-1: epoch 2/4; loss 0.5000; accuracy 0.8750; "
        "1,500 examples/s (w0 1,000, w1 500); 12.0 s left"
    )
    assert bar.run == "cnn-1" and bar.is_worth_keeping
    bus.publish(EpochEnded("cnn-1", 1, {"loss": 0.6, "val_loss": 0.7, "val_accuracy": 0.85, "seconds": 1.0}))
    bus.publish(replace(progress("cnn-1"), elapsed=75.0))
    assert "; accuracy 0.8750; val_loss 0.7000; val_accuracy 0.8500; 1,500 examples/s" in bar.text()
    assert bar.text().endswith("; 1 min 15 s, 12.0 s left")
    bus.publish(RunChanged("cnn-1", "done"))
    assert "100%" in bar.text() and bar.text().endswith("done")


def test_what_is_worth_a_word_is_said() -> None:
    bus = Bus()
    bar = Bar(bus, "train", "starts")
    bus.publish(NamesChanged("run", "cnn-1"))
    bus.publish(RunNote("cnn-1", "The run waits for workers."))
    assert bar.text() == "The run waits for workers."
    bus.publish(progress("cnn-1"))
    bus.publish(RunChanged("cnn-1", "restarting"))
    bus.publish(RunNote("cnn-1", "Rank 0 ended."))
    assert bar.text().endswith("(w0 1,000, w1 500); restarting; Rank 0 ended.")


def test_a_note_goes_when_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    bar = Bar(bus, "train", "follows", "cnn-1")
    bus.publish(progress("cnn-1"))
    bus.publish(RunNote("cnn-1", "auto measured single."))
    assert bar.text().endswith("; auto measured single.")
    monkeypatch.setattr("lepton_lab.widgets._bar.NOTE_SECONDS", 0.0)
    assert bar.text().endswith("12.0 s left")


def test_other_runs_are_not_shown() -> None:
    bus = Bus()
    bus.publish(RunChanged("old", "running"))
    starts, follows, neither = Bar(bus, "train", "starts"), Bar(bus, "run wait", "follows"), Bar(bus, "export")
    named = Bar(bus, "run wait", "follows", "new")
    bus.publish(progress("old"))
    assert starts.run is None and follows.run == "old" and neither.run is None and named.run == "new"
    bus.publish(progress("new"))
    assert starts.run is None and follows.run == "old" and "new: epoch" in named.text()


def test_two_verbs_at_once_know_their_own() -> None:
    bus, bars = Bus(), {}
    both = threading.Barrier(2)

    def work(run: str) -> None:
        bars[run] = Bar(bus, "train", "starts")
        both.wait()
        bus.publish(Progress("train", f"preparing {run}"))
        both.wait()
        assert f"preparing {run}" in bars[run].text()
        bus.publish(NamesChanged("run", run))
        both.wait()
        bus.publish(progress(run))

    threads = [threading.Thread(target=work, args=(run,)) for run in ("a-1", "b-1")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(bar.run == run and f"{run}: epoch" in bar.text() for run, bar in bars.items())


def test_the_stages_of_a_search_are_passed_over() -> None:
    bus = Bus()
    bar = Bar(bus, "compress", "starts")
    bus.publish(Progress("compress cnn search", "1 of 4: cnn-int8, 11.9 kB after gzip", 0.25))
    version = bar.version

    def stage(name: str) -> None:
        bus.publish(Progress(f"compress {name} quantize", "done", 1.0))
        bus.publish(NamesChanged("run", f"{name}-1"))
        bus.publish(progress(f"{name}-1"))

    threads = [threading.Thread(target=stage, args=(name,)) for name in ("cnn-p80", "cnn-c16")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bar.text().endswith(" 25%  compress cnn search: 1 of 4: cnn-int8, 11.9 kB after gzip")
    assert bar.version == version and bar.run is None and not bar.is_worth_keeping


def test_nothing_is_heard_after_close() -> None:
    bus = Bus()
    bar = Bar(bus, "x")
    bar.close()
    bus.publish(Progress("x", "later"))
    assert "later" not in bar.text()


def test_many_threads() -> None:
    bus = Bus()
    bar = Bar(bus, "x", "follows", "cnn-1")

    def publish() -> None:
        for step in range(200):
            bus.publish(progress("cnn-1", step=step))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bar.version == 800


def test_buttons_for_a_run_that_a_cell_waits_for() -> None:
    buttons = run_buttons("cnn-1", can_leave=False)
    assert "data-lepton-line='%lepton run stop cnn-1'" in buttons and "background" not in buttons
    assert "data-lepton-line='%lepton run background cnn-1'" in run_buttons("cnn-1", can_leave=True)
