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
                "a CSV file or a variable: name, seconds in a column for each kind of device (cpu, gpu), and maybe "
                "demand, priority, deadline, num_bytes, at",
                positional=True,
            ),
            Parameter(
                "machines",
                Source(),
                "the same with name, kind, capacity, ready, slowness, bytes_per_second; the cluster's workers if left "
                "out",
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
