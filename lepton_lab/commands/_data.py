"""`%lepton data ...`."""

from lepton_lab.commands._spec import Parameter, Verb, When
from lepton_lab.commands._types import Choice, Flag, Integer, Name, Number, Source, Text
from lepton_lab.data import SHARDINGS, SOURCES, TASKS
from lepton_lab.types import Dataset, Listing, ShardSet

NAMED_SOURCES = ("digits",)
"""Sources that come with Lepton Lab: read by their names, without a path."""

_REPLICAS = "on how many workers each shard is to be"
_NAME = Parameter("name", Name("data set"), "the data set", positional=True)

VERBS = (
    Verb(
        ("data", "load"),
        "Read a source into the lab, in place of an earlier data set of that name.",
        (
            Parameter(
                "source",
                Source(NAMED_SOURCES),
                "digits; a path (IDX or .npy folder, .npz, .csv, .parquet); a variable, or several: x,y or x,y,weights",
                positional=True,
            ),
            Parameter("name", Text(), "what to call it; after the source if left out", None),
            Parameter("label", Text(), "the label's column, for tables; several with commas between", None),
            Parameter("task", Choice(TASKS), "what labels are, where what would be guessed isn't meant", None),
            Parameter(
                "weight", Text(), "the column of how much each row counts in training, for tables", None, is_rare=True
            ),
            Parameter("weights", Source(), "the same for arrays: one number a training row", None, is_rare=True),
            Parameter(
                "drop", Text(), "columns to leave out, for tables; several with commas between", None, is_rare=True
            ),
            Parameter(
                "sep",
                Text(),
                "between values of a CSV file: one character, or \\s+; found out if left out",
                None,
                is_rare=True,
            ),
            Parameter(
                "decimal", Choice((".", ",")), "before a fraction in CSV; found out if left out", None, is_rare=True
            ),
            Parameter("encoding", Text(), "of a CSV file; found out if left out", None, is_rare=True),
            Parameter(
                "na_values",
                Text(),
                "texts in CSV that mean missing, besides the usual ones; several with commas between",
                None,
                is_rare=True,
            ),
            Parameter(
                "no_header",
                Flag(),
                "the first line of a CSV file is a row; columns are called 0, 1 and so on",
                False,
                is_rare=True,
            ),
            Parameter("format", Choice(SOURCES), "where the path doesn't tell", None, is_rare=True),
            Parameter(
                "test_share",
                Number(0, 0.9),
                "rows held out where the source has no test split; 0 for none",
                0.2,
                unit="share",
            ),
            Parameter("seed", Integer(0), "decides which rows are held out", 0, is_rare=True),
        ),
        Dataset,
    ),
    Verb(("data", "list"), "All data sets.", (), Listing),
    Verb(
        ("data", "show"),
        "A data set, with pictures of some rows where they are images.",
        (_NAME, Parameter("rows", Integer(1, 100), "how many pictures", 12, unit="rows")),
        Dataset,
    ),
    Verb(
        ("data", "split"),
        "Make a data set of another's training rows, some of them held out to choose by.",
        (
            Parameter("source", Name("data set"), "the data set; its test split stays untouched", positional=True),
            Parameter("name", Text(), "of the new one; the source's with -choice behind it if left out", None),
            Parameter("share", Number(0, 0.9, open=True), "rows held out", 0.1, unit="share"),
            Parameter("seed", Integer(0), "decides which rows are held out", 0, is_rare=True),
        ),
        Dataset,
    ),
    Verb(("data", "drop"), "Remove a data set and its shards.", (_NAME,), Listing),
    Verb(
        ("data", "shard"),
        "Cut a data set's training rows into shards and place them on the workers.",
        (
            _NAME,
            Parameter("shards", Integer(1), "how many", 8, unit="shards"),
            Parameter("by", Choice(SHARDINGS), "how rows are assigned to shards", "hash"),
            Parameter(
                "key", Text(), "column to go by; the whole row if left out", None, when=When("by", ("hash", "range"))
            ),
            Parameter(
                "alpha",
                Number(0, open=True),
                "the smaller, the more skewed the labels",
                0.5,
                when=When("by", ("dirichlet",)),
            ),
            Parameter(
                "seed", Integer(0), "decides what is drawn by chance", 0, when=When("by", ("stratified", "dirichlet"))
            ),
            Parameter("replicas", Integer(1), f"{_REPLICAS}; 2 where the cluster has several hosts, else 1", None),
        ),
        ShardSet,
    ),
    Verb(
        ("data", "place"),
        "Place a data set's shards on the workers that there are now: missing copies are made, the load is evened.",
        (_NAME, Parameter("replicas", Integer(1), f"{_REPLICAS}; as before if left out", None)),
        ShardSet,
    ),
)
