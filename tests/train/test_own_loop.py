"""`LeptonModel` in a loop of one's own, in a script whose `tf.keras` is Keras 3, and in one where it is tf_keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from lepton_lab import LeptonModel

tf.keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32")
held = np.arange(len(x)) % 5 == 0
dataset = tf.data.Dataset.from_tensor_slices((x[~held], y[~held])).shuffle(2000, seed=0).batch(64)
model = LeptonModel((8, 8, 1), 10, hidden_size=32, classifier_activation=None)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(0.005)
losses = []
for epoch in range(6):
    total = 0.0
    for rows, labels in dataset:
        with tf.GradientTape() as tape:
            loss = loss_fn(labels, model(rows, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        total += float(loss)
    losses.append(total / len(dataset))
answers = model(x[held]).numpy()
accuracy = float((answers.argmax(axis=1) == y[held]).mean())
library = type(optimizer).__module__.partition(".")[0]
print(json.dumps({"losses": losses, "accuracy": accuracy, "least": float(answers.min()), "library": library}))
"""


@pytest.mark.parametrize(("legacy", "library"), [("0", "keras"), ("1", "tf_keras")])
def test_the_loss_falls(tmp_path: Path, legacy: str, library: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy, "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["library"] == library and told["least"] < 0  # logits, no probabilities
    assert told["losses"] == sorted(told["losses"], reverse=True) and told["losses"][-1] < 0.3
    assert told["accuracy"] > 0.85
