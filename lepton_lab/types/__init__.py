"""The values that one stage hands to the next.

Each is frozen, and each shows itself as a table. A value names the folder or file that holds its bytes; nothing here
reads them, but for `Prediction.answers` and `Explanation.values` when they are asked for. In the order that data flows:
`Dataset`, `ShardSet`, `ClusterInfo`, `Model`, `Run`, `Prediction`, `Evaluation`, `CrossValidation`, `Explanation`,
`CompressedModel`, `Front`, `LayerReport`, `Bundle`.
"""

from lepton_lab.types._answers import as_probabilities
from lepton_lab.types._breakdown import Breakdown, CalibrationBin, ClassScore
from lepton_lab.types._bundle import Agreement, Bundle
from lepton_lab.types._cluster import ClusterInfo, ClusterLogs, Device, DeviceTable, Invitation, Sight, WorkerInfo
from lepton_lab.types._comparison import Comparison, Difference, Verdict
from lepton_lab.types._compression import CompressedModel, Front, Preflight, Trial
from lepton_lab.types._data import WORKSPACE, Arrangement, Dataset, Move, Scaling, Shard, ShardSet, Target
from lepton_lab.types._evaluation import Evaluation
from lepton_lab.types._explanation import ExplainedRow, Explanation, Feature
from lepton_lab.types._fields import by_name, fields, record_dtype, records
from lepton_lab.types._folds import CrossValidation, FoldSummary
from lepton_lab.types._held import Held
from lepton_lab.types._lab import Listing, Status
from lepton_lab.types._layers import LayerFigures, LayerReport
from lepton_lab.types._model import (
    FINAL_STATES,
    MADE_AGAIN,
    RUN_STATES,
    Measure,
    Model,
    ModelFormat,
    ModelLibrary,
    Run,
    Version,
)
from lepton_lab.types._pictures import beside, colours, is_picture, pixels, png
from lepton_lab.types._plan import Machine, Placement, Plan, Task
from lepton_lab.types._prediction import Prediction
from lepton_lab.types._schedule import Schedule, WorkerShare

__all__ = [
    "Target",
    "Scaling",
    "as_probabilities",
    "Arrangement",
    "Held",
    "Dataset",
    "by_name",
    "fields",
    "records",
    "record_dtype",
    "beside",
    "colours",
    "is_picture",
    "pixels",
    "png",
    "WORKSPACE",
    "Shard",
    "ShardSet",
    "Move",
    "Device",
    "DeviceTable",
    "WorkerInfo",
    "ClusterInfo",
    "ClusterLogs",
    "Invitation",
    "Sight",
    "Measure",
    "Model",
    "ModelFormat",
    "ModelLibrary",
    "Version",
    "Run",
    "Task",
    "Machine",
    "Placement",
    "Plan",
    "Schedule",
    "WorkerShare",
    "Prediction",
    "ClassScore",
    "CalibrationBin",
    "Breakdown",
    "Difference",
    "Verdict",
    "Comparison",
    "Evaluation",
    "FoldSummary",
    "CrossValidation",
    "ExplainedRow",
    "Feature",
    "Explanation",
    "FINAL_STATES",
    "MADE_AGAIN",
    "RUN_STATES",
    "CompressedModel",
    "Preflight",
    "Trial",
    "Front",
    "LayerFigures",
    "LayerReport",
    "Agreement",
    "Bundle",
    "Listing",
    "Status",
]
