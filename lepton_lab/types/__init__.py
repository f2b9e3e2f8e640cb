"""The values that one stage hands to the next.

Each is frozen, and each shows itself as a table. A value names the folder or file that holds its bytes; nothing here
reads them, but for `Prediction.answers` when it is asked for. In the order that data flows: `Dataset`, `ShardSet`,
`ClusterInfo`, `Model`, `Run`, `Prediction`, `Evaluation`, `CompressedModel`, `Bundle`.
"""

from lepton_lab.types._bundle import Agreement, Bundle, CompressedModel
from lepton_lab.types._cluster import ClusterInfo, ClusterLogs, Device, DeviceTable, WorkerInfo
from lepton_lab.types._data import Dataset, Scaling, Shard, ShardSet, Target
from lepton_lab.types._fields import fields, record_dtype, records
from lepton_lab.types._lab import Listing, Status
from lepton_lab.types._model import FINAL_STATES, RUN_STATES, Evaluation, Measure, Model, Run
from lepton_lab.types._prediction import Prediction

__all__ = [
    "Target",
    "Scaling",
    "Dataset",
    "fields",
    "records",
    "record_dtype",
    "Shard",
    "ShardSet",
    "Device",
    "DeviceTable",
    "WorkerInfo",
    "ClusterInfo",
    "ClusterLogs",
    "Measure",
    "Model",
    "Run",
    "Prediction",
    "Evaluation",
    "FINAL_STATES",
    "RUN_STATES",
    "CompressedModel",
    "Agreement",
    "Bundle",
    "Listing",
    "Status",
]
