"""Dask's dashboard, loaded when somebody first looks at it.

Loading Bokeh costs the scheduler 0.3 s and 20 MB, which most sessions never use. So the scheduler starts without the
dashboard but with its web server, and the first request for a page that the server doesn't know loads it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Scheduler


class _Pages:
    """Stands in for the dashboard among the web server's applications until the first request."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._loaded = False

    def find_handler(self, request: object, **kwargs: object) -> None:
        """Add the dashboard behind this application, where the server looks next."""
        if not self._loaded:
            self._loaded = True
            from distributed.dashboard.scheduler import connect

            connect(self._scheduler.http_application, self._scheduler.http_server, self._scheduler)


def dask_setup(scheduler: Scheduler) -> None:
    """Called by Dask in the scheduler, once it listens."""
    application: Any = scheduler.http_application
    application.add_application(_Pages(scheduler))


def link(port: int) -> str:
    """The dashboard's address as the browser sees it: through JupyterHub's or Binder's proxy where there is one."""
    prefix = os.environ.get("LEPTON_BASE_URL") or os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    return f"{prefix.rstrip('/')}/proxy/{port}/status" if prefix else plain_link(port)


def plain_link(port: int) -> str:
    """The dashboard's address on this machine."""
    return f"http://127.0.0.1:{port}/status"
