"""Stage 3b: what a model answers, and how good that is on rows that it was not trained on."""

from lepton_lab.evaluate._evaluate import evaluate, evaluate_against
from lepton_lab.evaluate._folds import cross_validation, folds
from lepton_lab.evaluate._outside import look_into
from lepton_lab.evaluate._parallel import answer_here, answer_on
from lepton_lab.evaluate._work import Work, begin, find_layout

__all__ = [
    "Work",
    "answer_here",
    "answer_on",
    "begin",
    "cross_validation",
    "evaluate",
    "evaluate_against",
    "find_layout",
    "folds",
    "look_into",
]
