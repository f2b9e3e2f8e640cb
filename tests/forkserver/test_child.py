"""What is said of the exceptions that libraries raise."""

from __future__ import annotations

import pytest

from lepton_lab.forkserver._child import essence, summary

IN_USER_CODE = """in user code:

    File "/x/keras_model.py", line 72, in answer  *
        answers = model(batch, training=False)
    File "/x/traceback_utils.py", line 122, in error_handler  **
        raise e.with_traceback(filtered_tb) from None

    ValueError: Exception encountered when calling Functional.call().

    \x1b[1mInput 0 of layer 'dense' is incompatible: expected axis -1 to have value 108\x1b[0m

    Arguments received by Functional.call():
      • inputs=tf.Tensor(shape=(None, 8, 8, 3), dtype=float32)
      • kwargs=<class 'inspect._empty'>
"""
GRAPH = """Graph execution error:

Detected at node mean defined at (most recent call last):
  File "/x/y.py", line 3, in <module>

assertion failed: [no rows]
\t [[{{node mean}}]] [Op:__inference_3]
"""


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (IN_USER_CODE, "Input 0 of layer 'dense' is incompatible: expected axis -1 to have value 108"),
        (IN_USER_CODE.partition("ValueError: ")[2], "Input 0 of layer 'dense' is incompatible: expected axis -1"),
        (GRAPH, "assertion failed: [no rows]"),
        ("Exception encountered when calling Mine.call().", "Exception encountered when calling Mine.call()."),
        ("a line\n  another", "a line\nanother"),
        ("", ""),
    ],
)
def test_stories_are_left_out(raised: str, said: str) -> None:
    found = essence(ValueError(raised))
    assert found.startswith(said) and "File" not in found and "Arguments" not in found and "\x1b" not in found


def test_a_summary_names_the_kind_once() -> None:
    assert summary(ValueError("a line\nanother")) == "ValueError: a line"
    assert summary(KeyError()) == "KeyError"
    assert summary(RuntimeError("RuntimeError: as it came")) == "RuntimeError: as it came"


def test_as_tensorflow_and_keras_raise() -> None:
    """What they raise today, not what it looked like once."""
    import keras
    import numpy as np

    rows = keras.Input((3,))
    model = keras.Model(rows, keras.layers.Dense(2, name="last")(rows))
    with pytest.raises(ValueError) as raised:
        model(np.zeros((1, 4), "float32"))
    assert "incompatible" in essence(raised.value) and "received by" not in essence(raised.value)
