"""Stage 5: a model as one file that other programs can run, checked, with a manifest beside it."""

from lepton_lab.export._export import FORMATS, export

__all__ = ["FORMATS", "export"]
