"""`%lepton plan` and `schedule`."""

from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Number, Source
from lepton_lab.types import Plan, Schedule

VERBS = (
    Verb(
        ("plan",),
        "Which machine should do which task and when, so that all is done as soon as it can be; nothing is done.",
        (
            Parameter(
                "tasks",
                Source(),
                "a CSV file, or a variable with a DataFrame or a list: for each task its name, the seconds it takes on "
                "each kind of device (columns cpu, gpu, ...), and if wanted demand, priority, deadline, num_bytes, at",
                positional=True,
            ),
            Parameter(
                "machines",
                Source(),
                "likewise: for each machine its name, and if wanted kind (cpu), capacity, ready, slowness (2: takes "
                "twice as long), bytes_per_second; the cluster's workers if left out",
                None,
            ),
            Parameter(
                "limit",
                Number(0, open=True),
                "how long to look for the best plan",
                20.0,
                unit="seconds",
                is_rare=True,
            ),
        ),
        Plan,
    ),
    Verb(("schedule",), "What the last lab.map planned, and what happened.", (), Schedule),
)
