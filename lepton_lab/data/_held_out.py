"""What splits that are not for training are called by those who made them, and what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from lepton_lab.errors import InputError

HELD_OUT = ("test", "validation", "valid", "val", "dev")
"""Names of splits; the last four are those of validation rows."""
_SPLITS = {
    **{name: name for name in ("train", *HELD_OUT)},
    **dict.fromkeys(("training", "trainset"), "train"),
    **dict.fromkeys(("testing", "testset", "holdout"), "test"),
    **dict.fromkeys(("eval", "evaluation"), "validation"),
}
_T = TypeVar("_T")


def split_of(name: str) -> str | None:
    """The split that a file or a folder of this name holds; None where it doesn't tell.

    It is told by the first word or the last: `test-00000-of-00002.parquet`, `iris_train.parquet`, `split=test`. It is
    one of `HELD_OUT` or `train`.
    """
    words = re.findall(r"[a-z]+", name.lower().partition(".")[0])
    return next((_SPLITS[word] for word in [*words[:1], *words[-1:]] if word in _SPLITS), None)


def named_splits(splits: Mapping[str, _T]) -> tuple[dict[str, _T], tuple[str, ...]]:
    """Splits under the names that a data set has for them, and what there is to say of it.

    Validation rows are the data set's `test` where there are no others, since these are what a run validates with; else
    they are a split of their own, `validation`.

    Raises
    ------
    InputError
        If there is more than one split of validation rows.
    """
    validating = [split for split in splits if split not in ("train", "test")]
    if not validating:
        return dict(splits), ()
    if len(validating) > 1:
        raise InputError(
            f"there are validation rows under two names, {' and '.join(validating)}: leave one of them out"
        )
    (given,) = validating
    name = "validation" if "test" in splits else "test"
    note = (
        "the validation rows are a split of their own: training looks at the test split, evaluate takes --split "
        "validation"
        if name == "validation"
        else f"the rows of {given!r} are the test split"
    )
    return {(name if split == given else split): value for split, value in splits.items()}, (note,)
