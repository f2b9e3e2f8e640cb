"""The state of widgets, for a page that was loaded again while a cell runs.

ipywidgets sends it to such a page on the shell channel, thus after the cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_ID = re.compile(r"[0-9a-f]{32}")
_ATTEMPTS = 5


def states_of(ids: Collection[str]) -> Mapping[str, Any]:
    """The state of these widgets, and of all that they refer to.

    Parameters
    ----------
    ids
        Model ids; of widgets that are no more, nothing is said.

    Returns
    -------
    dict
        By model id, `{model_name, model_module, model_module_version, state}`, and `buffers` where there are any, as
        ipywidgets saves them in a notebook.
    """
    states, found, ahead = _all_states(), {}, list(ids)
    while ahead:
        name = ahead.pop()
        if name in states and name not in found:
            found[name] = states[name]
            ahead += _ID.findall(json.dumps(states[name]["state"], default=str))
    return found


def _all_states() -> dict[str, Any]:
    from ipywidgets import Widget

    for _ in range(_ATTEMPTS):
        try:
            states: dict[str, Any] = Widget.get_manager_state()["state"]
            return states
        except RuntimeError:  # the cell made or closed a widget meanwhile
            pass
    return {}
