"""The page's messages on the kernel's control channel, which is read while a cell runs.

Jupyter sends comm messages on the shell channel, where they wait for the running cell, unless kernel and page have
subshells (ipykernel 7). The control channel is read on a thread of its own in every ipykernel, but knows no comm
messages until it is told how to handle them.

That thread takes the interrupts as well: what is handled on it must be quick.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

Message = Mapping[str, Any]


def listen(kernel: Any, take: Callable[[Message], bool]) -> Callable[[], None]:
    """Have the kernel handle comm messages on its control channel, too; returns what undoes it.

    Parameters
    ----------
    kernel
        An ipykernel.
    take
        Offered each message to a comm; says whether it took it. Others go the usual way, on which IPython tells all
        who listen for the beginning and the end of a cell, which must not happen in the middle of one.
    """
    handlers, manager = getattr(kernel, "control_handlers", None), kernel.comm_manager
    if handlers is None:  # not ipykernel's
        return lambda: None
    before = {kind: handlers.get(kind) for kind in ("comm_open", "comm_msg", "comm_close")}
    # In ipykernel 7.0 a thread can only send on a comm in a context that comes from a cell, such as this one.
    context = contextvars.copy_context()

    def usual(kind: str) -> Callable[..., Any]:
        handler = before[kind] or getattr(manager, kind)
        return lambda *message: context.copy().run(handler, *message)

    def comm_msg(stream: Any, ident: Any, message: Message) -> Any:
        return None if context.copy().run(take, message) else others(stream, ident, message)

    def undo() -> None:
        for kind, handler in before.items():
            if handler is None:
                handlers.pop(kind, None)
            else:
                handlers[kind] = handler

    others = usual("comm_msg")
    handlers.update({"comm_open": usual("comm_open"), "comm_msg": comm_msg, "comm_close": usual("comm_close")})
    return undo
