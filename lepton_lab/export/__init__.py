"""Stage 5: a model as a file or folder that other programs can run, checked, with a manifest."""

from lepton_lab.export._export import export
from lepton_lab.export._formats import FORMATS
from lepton_lab.export._target import MANIFEST

__all__ = ["FORMATS", "MANIFEST", "export"]
