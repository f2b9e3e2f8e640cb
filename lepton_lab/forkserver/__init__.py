"""One process per host has TensorFlow loaded; every piece of TensorFlow work is a child forked from it.

Importing TensorFlow takes seconds and hundreds of megabytes. So nothing else imports it: not the notebook's kernel, not
Dask's workers. The first who needs it starts a *fork server*, a process that imports TensorFlow once, touches no device
and then forks a child whenever it is asked to; the children share its memory. All kernels and workers of one user on
one host that run from the same environment share the same server. It ends when nobody holds a *lease* on it (an open
connection) and no child is left.

The connection over which a child was asked for is the child's line to its owner, and its life: when the owner closes
it or dies, the server kills the child with SIGKILL, even one that is stopped or stuck; and the children die with the
server. So there are no orphans. Only processes of the same user reach the socket (a folder with mode 0700), and only
these processes' pickles are read.
"""

from lepton_lab.forkserver._client import Child, call, children, describe_exit, hold, way_out
from lepton_lab.forkserver._devices import own_devices

__all__ = ["Child", "call", "children", "describe_exit", "hold", "own_devices", "way_out"]
