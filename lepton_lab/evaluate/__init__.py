"""Stage 3b: what a model answers, and how good that is on rows that it was not trained on."""

from lepton_lab.evaluate._evaluate import evaluate
from lepton_lab.evaluate._parallel import answer_here, answer_on
from lepton_lab.evaluate._work import Work, begin

__all__ = ["Work", "answer_here", "answer_on", "begin", "evaluate"]
