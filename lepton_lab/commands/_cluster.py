"""`%lepton cluster ...`."""

from lepton_lab.cluster import device_names
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Bounds, Choice, File, Flag, Integer, Memory, Name, Text, Variable
from lepton_lab.types import ClusterInfo, ClusterLogs, DeviceTable, Invitation, Listing

VERBS = (
    Verb(
        ("cluster", "up"),
        "Start a cluster on this machine and connect to it.",
        (
            Parameter("workers", Integer(1), "how many; one per core (or device) if left out", None, unit="workers"),
            Parameter("device", Choice(device_names()), "what the workers compute on", "auto"),
            Parameter(
                "cpu_workers",
                Integer(0),
                "where workers have a GPU or another device: so many more that compute on the CPU",
                0,
                unit="workers",
                is_rare=True,
            ),
            Parameter("threads", Integer(1), "of each worker; an equal share of the cores if left out", None),
            Parameter("memory", Memory(), "of each worker; an equal share if left out", None),
            Parameter("adapt", Bounds(), "have their number go by the work, within bounds such as 1:4", None),
            Parameter(
                "host",
                Text(metavar="ADDRESS"),
                "this machine's address to listen at, where workers of other hosts are to join",
                "127.0.0.1",
                is_rare=True,
            ),
            Parameter(
                "idle_timeout",
                Text(metavar="TIME"),
                "the cluster ends itself after so long without work, such as 30min; never if left out, 1h if detached",
                None,
                is_rare=True,
            ),
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
        ("cluster", "adapt"),
        "Let the number of workers go by the work.",
        (Parameter("bounds", Bounds(), "the fewest and the most workers, such as 1:4", positional=True),),
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
        "Connect to a cluster that an earlier kernel left running, or that somebody else started.",
        (
            Parameter("name", Name("cluster"), "which, where there are several", None, positional=True),
            Parameter(
                "address",
                Variable(),
                "of a Dask scheduler (tls://host:8786); its scheduler file; or a variable with a client or cluster",
                None,
            ),
            Parameter("tls_ca", File(), "for a tls:// address: the authority's certificate", None, is_rare=True),
            Parameter("tls_cert", File(), "and the client's certificate", None, is_rare=True),
            Parameter("tls_key", File(), "and its key", None, is_rare=True),
        ),
        ClusterInfo,
    ),
    Verb(("cluster", "list"), "All clusters of the workspace, also those that were left behind.", (), Listing),
    Verb(
        ("cluster", "invite"),
        "Write a file with which another host's workers may join.",
        (Parameter("to", File(), "the file", "lepton-invitation.json", positional=True),),
        Invitation,
    ),
    Verb(
        ("cluster", "down"),
        "End the cluster and its processes.",
        (Parameter("name", Name("cluster"), "another than this kernel's own", None, positional=True),),
        ClusterInfo,
    ),
)
