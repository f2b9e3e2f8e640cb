"""A name that stands on a line, and what the notebook has under it."""

from __future__ import annotations


class Held(str):
    """A name from a `%lepton` line that a variable of the notebook has, too; it is that name wherever a text is wanted.

    Parameters
    ----------
    name
        The name.
    value
        What the variable holds.
    """

    value: object

    def __new__(cls, name: str, value: object) -> Held:
        held = super().__new__(cls, name)
        held.value = value
        return held
