"""The state of widgets, for a page that was loaded again while a cell runs.

ipywidgets sends it to such a page on the shell channel, thus after the cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_ID = re.compile(r"[0-9a-f]{32}")


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
    from ipywidgets import Widget
    from ipywidgets.widgets.widget import _instances  # all there are; what is public of it warns and goes

    found: dict[str, Any] = {}
    ahead = list(ids)
    while ahead:
        name = ahead.pop()
        widget = _instances.get(name)
        if widget is not None and name not in found:
            found |= Widget.get_manager_state(widgets=[widget])["state"]
            ahead += _ID.findall(json.dumps(found[name]["state"], default=str))
    return found
