"""TensorBoard's log in the run's folder: `%tensorboard --logdir` shows what the panel shows, and compares runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Board:
    """Writes scalars as Keras's own callback does: `train` and `validation`, `epoch_loss` and so on."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._writers = {name: tf.summary.create_file_writer(str(folder / name)) for name in ("train", "validation")}

    def epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """After an epoch, counted from 1."""
        import tensorflow as tf
        from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR, SummaryMetadata

        # What tf.summary.scalar writes, which can't be called where TensorBoard isn't installed.
        plugin = SummaryMetadata.PluginData(plugin_name="scalars")
        metadata = SummaryMetadata(plugin_data=plugin, data_class=DATA_CLASS_SCALAR)
        for name, value in logs.items():
            side, tag = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            with self._writers[side].as_default(step=epoch - 1):
                tf.summary.write(f"epoch_{tag}", tf.constant(value, tf.float32), metadata=metadata)
        for writer in self._writers.values():
            writer.flush()
