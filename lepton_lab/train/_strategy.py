"""TensorFlow's strategy and devices for a rank's layout."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.train._job import Seat

HEARTBEAT_SECONDS = 3.0
"""After how long without a sign TensorFlow's coordination service gives a peer up."""
FIRST_SECONDS = 10.0
"""How long to wait for the first rank, before TensorFlow is to say that it can't be reached."""


def make_strategy(seat: Seat) -> Any:
    """TensorFlow's strategy for a layout; blocks until all ranks are there.

    Raises
    ------
    InputError
        If the layout's devices are not there.
    """
    import tensorflow as tf

    if seat.layout == "tpu":
        return _tpu_strategy()
    if seat.layout == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if seat.world == 1:
        return tf.distribute.get_strategy()
    _watch_peers()
    wait_for_first(seat)
    # No CommunicationOptions(timeout_seconds=...): each sum starts a thread that sleeps until the time is over. At
    # 1,500 steps a second that is a leak which ends the process within a quarter of a minute.
    return tf.distribute.MultiWorkerMirroredStrategy()


def wait_for_first(seat: Seat) -> None:
    """Wait until the first rank can be reached: TensorFlow would try again only after a second."""
    host, _, port = seat.addresses[0].rpartition(":")
    deadline = time.monotonic() + FIRST_SECONDS
    while seat.rank and time.monotonic() < deadline:
        try:
            return socket.create_connection((host.strip("[]"), int(port)), 1.0).close()
        except OSError:
            time.sleep(0.01)


def set_devices(seat: Seat) -> None:
    """Threads and, for `mirrored` without GPUs, logical devices; before TensorFlow looks at any device."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(seat.threads)
    # No more than there are cores for: with TensorFlow's usual number ranks that share a machine are 10 to 15 % slower.
    tf.config.threading.set_inter_op_parallelism_threads(max(seat.threads, seat.devices))
    if seat.layout == "mirrored" and len(tf.config.list_physical_devices("GPU")) < seat.devices:
        [cpu, *_] = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * seat.devices)


def _tpu_strategy() -> Any:
    import tensorflow as tf

    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except Exception as error:  # whatever a missing TPU, driver or name makes of it
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"No TPU answers as {name!r} ({reason}): set TPU_NAME, or train with another --strategy."
        ) from None
    return tf.distribute.TPUStrategy(resolver)


def _watch_peers() -> None:
    """Have the coordination service notice a dead peer within seconds instead of ten.

    The interface is not public; where a version of TensorFlow lacks it, its own time-out stays.
    """
    try:
        from tensorflow.core.protobuf.coordination_config_pb2 import CoordinatedJob
        from tensorflow.python.eager import context

        task = json.loads(os.environ["TF_CONFIG"])
        context.context().configure_coordination_service(
            service_type="standalone",
            service_leader="/job:worker/replica:0/task:0",
            coordinated_jobs=[CoordinatedJob(name="worker", num_tasks=len(task["cluster"]["worker"]))],
            heartbeat_timeout_in_ms=int(1000 * HEARTBEAT_SECONDS),
        )
    except (ImportError, AttributeError, TypeError):
        return
