"""`%lepton cluster ...`."""

from lepton_lab.cluster import device_names
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Choice, Flag, Integer, Memory, Name
from lepton_lab.types import ClusterInfo, ClusterLogs, DeviceTable

VERBS = (
    Verb(
        ("cluster", "up"),
        "Start a cluster on this machine and connect to it.",
        (
            Parameter("workers", Integer(1), "how many; one per core (or device) if left out", None, unit="workers"),
            Parameter("device", Choice(device_names()), "what the workers compute on", "auto"),
            Parameter("cpu_workers", Integer(0), "CPU workers beside those of a device", 0, unit="workers"),
            Parameter("threads", Integer(1), "threads of each worker", None, unit="threads"),
            Parameter("memory", Memory(), "memory of each worker; an equal share if left out", None),
            Parameter("detach", Flag(), "let it outlive this kernel", False),
        ),
        ClusterInfo,
        is_slow=True,
    ),
    Verb(("cluster", "status"), "The cluster and its workers as they are now.", (), ClusterInfo),
    Verb(("cluster", "devices"), "Every worker's devices, with their load, power and temperature.", (), DeviceTable),
    Verb(
        ("cluster", "scale"),
        "Change the number of workers.",
        (Parameter("workers", Integer(1), "how many there shall be", positional=True, unit="workers"),),
        ClusterInfo,
    ),
    Verb(
        ("cluster", "logs"),
        "The last lines that the scheduler and the workers wrote.",
        (
            Parameter("worker", Name("worker"), "only this worker's", None, positional=True),
            Parameter("lines", Integer(1), "how many of each process", 20, unit="lines"),
        ),
        ClusterLogs,
    ),
    Verb(
        ("cluster", "attach"),
        "Connect to a cluster that an earlier kernel left running.",
        (Parameter("name", Name("cluster"), "which, where there are several", None, positional=True),),
        ClusterInfo,
    ),
    Verb(
        ("cluster", "down"),
        "End the cluster and its processes.",
        (Parameter("name", Name("cluster"), "another than this kernel's own", None, positional=True),),
        ClusterInfo,
    ),
)
