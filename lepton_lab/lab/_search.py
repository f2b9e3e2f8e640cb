"""`lab.compress(..., "search")`: many ways to make a model smaller, tried in parallel, and the one that a budget picks.

Every stage of every chain is a model of the lab, made by a line of its own, on one worker; stages that chains have in
common are made once. All of it happens on rows of the training split: a part of them is held out (`lab.data.split`),
and what is chosen is chosen on that part. Only the model that is picked, and the one that it began with, are then
measured on the test split.

A search needs no record of its own to be gone on with: a stage whose model is there, made by the same line of the same
parent, is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton_lab.compress import Step, mark_front, pick, read_budget, stages, uncertainty
from lepton_lab.display import size
from lepton_lab.errors import InputError, Interrupted, LeptonError
from lepton_lab.events import Progress
from lepton_lab.lab._compress import Compression, make, plan, preflight
from lepton_lab.lab._parallel import Work, on_workers
from lepton_lab.lab._versions import stem_of
from lepton_lab.runtime import fitted, judged_by, listed
from lepton_lab.types import Dataset, Front, Measure, Model, Trial

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

_BUDGETS = {"numbers": "mae<+5"}
_BUDGET = "accuracy>-0.5"
"""Where none is given: the smallest model that loses no more than half a point; for numbers, 5 per cent."""


def search(lab: Lab, source: Model, dataset: Dataset, settings: Mapping[str, Any]) -> Front:
    """See `Lab.compress`."""
    as_taken = fitted(source, dataset)
    metric = next(iter(judged_by(as_taken)))
    budget = settings["budget"] or _BUDGETS.get(as_taken.target.kind, _BUDGET)
    bounds = read_budget(budget, metric)
    if settings["recipes"] < 1:
        raise InputError(f"recipes={settings['recipes']}: give how many to try, at least 1.")
    lab.cluster.handle  # noqa: B018  # says what to do where there is none
    steps = stages(stem_of(source.name), settings["recipes"])
    first = next(iter(steps.values()))[1]
    plan(lab, source, dataset, first.technique, _settings_of(settings, first, None))  # what is wrong with all, at once
    dataset, choice = _choice(lab, dataset, settings)
    before: Measure = lab.call("lepton_lab.compress:measure", {"model": source, "dataset": choice})
    lab.workspace.keep_measure(source.name, before)
    trials = Trials(lab, source, choice, settings, steps).run()
    trials, before = _with_latencies(lab, source, choice, trials, before)
    trials = mark_front(trials)
    picked, why = pick(trials, before, bounds)
    reported = _reported(lab, filter(None, (source.name, picked)), dataset) if "test" in dataset.splits else ()
    why += _doubts(source, choice, before)
    return Front(source.name, dataset.name, budget, before, trials, picked, why, reported)


def _doubts(source: Model, choice: Dataset, before: Measure) -> str:
    """How far the rows that were chosen on can be trusted."""
    said = ""
    if (unsure := uncertainty(before, choice.splits["test"])) is not None:
        said += f" {choice.splits['test']:,} rows tell an accuracy to {100 * unsure:.1f} points."
    if source.dataset != choice.name:
        said += (
            f" {source.name} was trained on these rows too, so that what is trained on seems to lose more: "
            f"to choose fairly, train it on {choice.name}."
        )
    return said


def _reported(lab: Lab, names: Iterable[str], dataset: Dataset) -> tuple[tuple[str, Measure], ...]:
    """These models' measures on the test split."""
    found = []
    for name in names:
        measure: Measure = lab.call("lepton_lab.compress:measure", {"model": lab.model.show(name), "dataset": dataset})
        lab.workspace.keep_measure(name, measure)
        found.append((name, measure))
    return tuple(found)


def _choice(lab: Lab, dataset: Dataset, settings: Mapping[str, Any]) -> tuple[Dataset, Dataset]:
    """The data set whose test split is reported, and the one of its training rows that is trained and chosen on.

    The latter is the given one, if `data split` made it; or one that was cut before, where that is still right.
    """
    if dataset.cut_from:
        return lab.data.get(dataset.cut_from), dataset
    name = f"{dataset.name}-choice"
    if name in lab.data.names():
        earlier = lab.data.get(name)
        if earlier.cut_from != dataset.name:
            raise InputError(
                f"The rows to choose by would be named {name!r}, which is another data set: cut them by %lepton data "
                f"split {dataset.name} --name NAME, and give --data NAME."
            )
        if _written(earlier) >= _written(dataset):
            return dataset, earlier
    return dataset, lab.data.split(dataset.name, name=name, seed=settings["seed"])


def _written(dataset: Dataset) -> float:
    return (dataset.folder / "dataset.json").stat().st_mtime


def _settings_of(settings: Mapping[str, Any], step: Step, name: str | None) -> dict[str, Any]:
    """Those of one stage: the search's own, but for what the step says."""
    return {**settings, **step.settings, "name": name, "dry_run": False}


def _with_latencies(
    lab: Lab, source: Model, dataset: Dataset, trials: tuple[Trial, ...], before: Measure
) -> tuple[tuple[Trial, ...], Measure]:
    """The same with latencies that were taken in turns, when nothing else went on."""
    measured = {trial.model: trial.measure for trial in trials if trial.measure is not None}
    lab.events.publish(Progress(f"compress {source.name} search", "taking latencies, one model after the other", 1.0))
    models = [source, *map(lab.model.show, measured)]
    found = lab.call("lepton_lab.compress:latencies", {"models": models, "dataset": dataset})
    anew = {
        name: replace(measure, latency=seconds)
        for (name, measure), seconds in zip(measured.items(), found[1:], strict=True)
    }
    before = replace(before, latency=found[0])
    for name, measure in {source.name: before, **anew}.items():
        lab.workspace.keep_measure(name, measure)
    return tuple(replace(t, measure=anew.get(t.model, t.measure)) for t in trials), before


class Trials:
    """The stages of a search.

    Parameters
    ----------
    steps
        As `stages` gives them.
    """

    def __init__(
        self,
        lab: Lab,
        source: Model,
        dataset: Dataset,
        settings: Mapping[str, Any],
        steps: Mapping[str, tuple[str, Step]],
    ) -> None:
        self._lab, self._source, self._dataset, self._settings = lab, source, dataset, settings
        self._steps = steps
        self._done: dict[str, Trial] = {}

    def run(self) -> tuple[Trial, ...]:
        """Make all stages; an interrupt ends those under way, and says which are there."""
        works = {
            name: Work(lambda workers, name=name: self._trial(name, workers), after=parent)  # type: ignore[misc]
            for name, (parent, _) in self._steps.items()
        }
        self._publish("preparing", 0.0)
        try:
            on_workers(self._lab, works, self._tell)
        except KeyboardInterrupt:
            made = [name for name, trial in self._done.items() if not trial.error]
            if not made:
                raise
            raise Interrupted(
                f"what was under way has ended; {listed(made)} {'is' if len(made) == 1 else 'are'} there already, and "
                "the same line goes on from there."
            ) from None
        return tuple(self._done[name] for name in self._steps)

    def _trial(self, name: str, workers: tuple[str, ...]) -> Trial:
        parent, step = self._steps[name]
        if parent in self._done and self._done[parent].error:
            return Trial(name, "", "", error=f"{parent} could not be made")
        try:
            source = self._source if parent == stem_of(self._source.name) else self._lab.model.show(parent)
            planned = plan(self._lab, source, self._dataset, step.technique, _settings_of(self._settings, step, name))
            measure = self._known(planned)
            if measure is None:
                told = preflight(self._lab, planned)
                measure = make(self._lab, planned, told, workers).after
        except LeptonError as error:
            return Trial(name, "", "", error=str(error))
        return Trial(name, planned.result.made_by, planned.result.stage, measure)

    def _known(self, planned: Compression) -> Measure | None:
        """What was measured of a stage that an earlier search has made."""
        result = planned.result
        if result.name not in self._lab.model.names():
            return None
        there = self._lab.model.show(result.name)
        is_same = (there.made_by, there.parent_sha256) == (result.made_by, result.parent_sha256)
        if not is_same or there.file.stat().st_mtime < _written(self._dataset):  # its rows may be others now
            return None
        measures = self._lab.workspace.measures(result.name)
        return next((measure for measure in measures if measure.dataset == self._dataset.name), None)

    def _tell(self, name: str, trial: Trial) -> None:
        self._done[name] = trial
        said = trial.error or (f"{size(trial.measure.gzip_bytes)} after gzip" if trial.measure else "")
        done = len(self._done)
        self._publish(f"{done} of {len(self._steps)}: {name}, {said}", done / len(self._steps))

    def _publish(self, message: str, fraction: float) -> None:
        self._lab.events.publish(Progress(f"compress {self._source.name} search", message, fraction))
