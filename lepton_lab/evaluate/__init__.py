"""Stage 3b: how good a model is on rows that it was not trained on."""

from lepton_lab.evaluate._evaluate import evaluate

__all__ = ["evaluate"]
