"""The container's build context: what the Dockerfile puts together and starts, in a clean environment."""

from __future__ import annotations

import dataclasses
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.compress import quantize
from lepton_lab.export import export
from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Dataset, Model, fields
from tests.models_fixture import keras, quantised, save, whole_number_file

MAX_BYTES = 200_000


def instructions(context: Path) -> dict[str, list[str]]:
    """What a Dockerfile says, by its words; a continued line isn't used."""
    found: dict[str, list[str]] = {}
    for line in (context / "Dockerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word.isupper():
            found.setdefault(word, []).append(rest)
    return found


@pytest.fixture(scope="session")
def context(cnn: Model, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to build of."""
    return export(cnn, "container", tmp_path_factory.mktemp("container") / "cnn", digits).path


@pytest.fixture(scope="session")
def image(context: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder and the Python that the image would have: what COPY and RUN say, nothing else."""
    folder, environment = tmp_path_factory.mktemp("image"), tmp_path_factory.mktemp("venv")
    said = instructions(context)
    for line in said["COPY"]:
        *sources, target = line.split()
        for source in sources:
            shutil.copy(context / source, folder / target)
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    for line in said["RUN"]:
        install = line.split()
        assert install[:2] == ["pip", "install"]
        subprocess.run([python, "-m", *install, "-q", "--disable-pip-version-check"], cwd=folder, check=True)
    return folder, python


def start(image: tuple[Path, Path], context: Path, **environment: str) -> tuple[subprocess.Popen[str], int]:
    """Run the Dockerfile's CMD on a free port of this machine; returns when it is ready."""
    folder, python = image
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = json.loads(instructions(context)["CMD"][-1])
    assert command[0] == "python"
    clean = {"PATH": os.environ["PATH"], "SERVE_PORT": str(port), "SERVE_MAX_BYTES": str(MAX_BYTES), **environment}
    server = subprocess.Popen(
        [python, *command[1:]], cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if ask(port, "GET", "/v2/health/ready")[0] == 200:
                return server, port
        except OSError:
            time.sleep(0.05)
    server.kill()
    raise AssertionError(server.communicate())


@pytest.fixture(scope="session")
def port(image: tuple[Path, Path], context: Path) -> Iterator[int]:
    """Where the server answers."""
    server, port = start(image, context)
    yield port
    server.terminate()
    _, errors = server.communicate(timeout=10)
    assert server.returncode == 0 and "Traceback" not in errors


def ask(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    connection.request(method, path, content, headers or {})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "application/json"
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def request(rows: Any, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "rows", "shape": list(rows.shape), "datatype": "FP32", "data": rows.tolist()}
    return {"inputs": [tensor | changes]}


def answers_of(told: Any) -> np.ndarray:
    (output,) = told["outputs"]
    assert output["datatype"] == "FP32"
    return np.array(output["data"], np.float32).reshape(output["shape"])


INFER = "/v2/models/cnn/infer"


def test_what_is_in_the_folder(context: Path) -> None:
    names = sorted(path.name for path in context.iterdir())
    assert names == ["Dockerfile", "inference.py", "manifest.json", "model.tflite", "requirements.txt", "server.py"]
    said = instructions(context)
    assert said["FROM"] == [f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"]
    assert said["USER"][-1].partition(":")[0] not in ("0", "root") and "SERVE_HOST=0.0.0.0" in said["ENV"][0]
    assert {name for line in said["COPY"] for name in line.split()[:-1]} == set(names) - {"Dockerfile"}
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in (context / "requirements.txt").read_text().split())
    for name in ("server.py", "inference.py"):
        assert "lepton_lab" not in (context / name).read_text()


def test_metadata_and_health(port: int) -> None:
    assert ask(port, "GET", "/v2")[1]["extensions"] == []
    assert ask(port, "GET", "/v2/health/live") == (200, {"live": True})
    assert ask(port, "GET", "/v2/models/cnn/ready") == (200, {"name": "cnn", "ready": True})
    status, told = ask(port, "GET", "/v2/models/cnn")
    assert status == 200 and told["name"] == "cnn"
    assert told["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, 8, 8, 1]}]
    assert told["outputs"][0]["shape"] == [-1, 10]


def test_the_health_check_of_the_dockerfile(image: tuple[Path, Path], context: Path, port: int) -> None:
    folder, python = image
    command = json.loads(instructions(context)["HEALTHCHECK"][0].partition("CMD ")[2])
    for checked, status in ((port, 0), (port_nobody_has(), 1)):
        environment = {"PATH": os.environ["PATH"], "SERVE_PORT": str(checked)}
        done = subprocess.run([python, *command[1:]], cwd=folder, env=environment, capture_output=True, check=False)
        assert done.returncode == status


def port_nobody_has() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_answers_as_the_notebooks_model(port: int, cnn: Model, digits: Dataset) -> None:
    rows = open_rows(digits, "test")[0][:300]
    ours = predict(cnn.file, rows)
    status, told = ask(port, "POST", INFER, request(rows[:300]) | {"id": "mine"})
    assert (status, told["model_name"], told["id"]) == (200, "cnn", "mine")
    assert np.abs(answers_of(told) - ours).max() < 1e-5
    flat = request(rows[:2], data=rows[:2].ravel().tolist())
    assert np.abs(answers_of(ask(port, "POST", INFER, flat)[1]) - ours[:2]).max() < 1e-5


def test_twenty_clients_at_once(port: int, cnn: Model, digits: Dataset) -> None:
    rows = open_rows(digits, "test")[0][:200]
    ours = predict(cnn.file, rows)

    def client(number: int) -> float:
        mine = slice(number * 10, number * 10 + 1 + number % 10)
        told = [ask(port, "POST", INFER, request(rows[mine])) for _ in range(10)]
        assert all(status == 200 for status, _ in told)
        return max(float(np.abs(answers_of(one) - ours[mine]).max()) for _, one in told)

    with ThreadPoolExecutor(20) as pool:
        assert max(pool.map(client, range(20))) < 1e-5


ONE = np.zeros((1, 8, 8, 1))


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"hello", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        ([], 400, "'inputs'"),
        ({}, 400, "'inputs'"),
        ({"inputs": []}, 400, "'inputs'"),
        ({"inputs": [1]}, 400, "'inputs'"),
        (request(ONE, name="x"), 400, "no input 'x', only 'rows'"),
        (request(ONE, datatype="FP64"), 400, "expected 'FP32'"),
        (request(ONE, shape=None), 400, "whole numbers"),
        (request(ONE, shape=[0, 8, 8, 1]), 400, "at least 1"),
        (request(ONE, shape=[True, 8, 8, 1]), 400, "whole numbers"),
        (request(ONE, shape=[1, 64]), 400, "expected ['n', 8, 8, 1]"),
        (request(ONE, shape=[2, 8, 8, 1]), 400, "64 values"),
        (request(ONE, shape=[10**30, 8, 8, 1]), 400, "64 values"),
        (request(ONE, data=[[1, 2], [3]]), 400, "must be numbers"),
        (request(ONE, data="0" * 64), 400, "must be numbers"),
        (request(ONE, data=["1"] * 64), 400, "must be numbers"),
        (request(ONE, data=[None] * 64), 400, "must be numbers"),
        (request(ONE, data=[float("nan")] * 64), 400, "FP32 can hold"),
        (request(ONE, data=[1e300] * 64), 400, "FP32 can hold"),
        (request(ONE, data=[10**400] * 64), 400, "must be numbers"),
        (request(ONE) | {"outputs": [{"name": "y"}]}, 400, "called '"),
        (request(ONE) | {"outputs": 3}, 400, "called '"),
        (b"x" * (MAX_BYTES + 1), 413, f"at most {MAX_BYTES}"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_requests_that_can_not_be_answered(port: int, body: Any, status: int, word: str) -> None:
    found, told = ask(port, "POST", INFER, body)
    assert found == status and word in told["error"] and list(told) == ["error"]
    assert ask(port, "POST", INFER, request(ONE))[0] == 200


def served(folder: Path) -> ModuleType:
    """The module that a container's server answers by."""
    spec = importlib.util.spec_from_file_location("inference", folder / "inference.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["inference"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_file_all_of_whole_numbers(cnn: Model, tmp_path: Path) -> None:
    """It is asked, and answers, with what its numbers stand for."""
    file = whole_number_file(tmp_path / "model.tflite")
    model = dataclasses.replace(cnn, folder=tmp_path, format="tflite", kind="added", classes=(), columns=())
    folder = export(model, "container", tmp_path / "box", None, 8).path
    server = served(folder).Model(folder / "model.tflite", json.loads((folder / "manifest.json").read_text()), 1)
    (port,) = server.describe()["inputs"]
    rows = np.random.default_rng(0).normal(3, 2, (8, 6)).astype(np.float32)
    told = server.infer(request(rows, name=port["name"]))["outputs"][0]
    assert port["datatype"] == "FP32"
    np.testing.assert_allclose(np.reshape(told["data"], told["shape"]), predict(file, rows), atol=1e-6)


def test_several_inputs_and_outputs(mixed: tuple[Model, Dataset], tmp_path: Path) -> None:
    model, dataset = mixed
    folder = export(model, "container", tmp_path / "box", dataset).path
    inference = served(folder)
    server = inference.Model(folder / "model.tflite", json.loads((folder / "manifest.json").read_text()), 1)
    assert {one["name"]: one["shape"][0] for one in server.describe()["inputs"]} == {"image": -1, "table": -1}
    rows = fields(open_rows(dataset, "test")[0][:7])
    ours = fields(predict(model.file, open_rows(dataset, "test")[0][:7]))
    image, table = ({**request(rows[name])["inputs"][0], "name": name} for name in ("image", "table"))
    for tensors in ([image, table], [table, image]):
        told = server.infer({"inputs": tensors})["outputs"]
        assert {one["name"] for one in told} == {"kind", "price", "tags"}
        for one in told:
            np.testing.assert_allclose(np.reshape(one["data"], one["shape"]), ours[one["name"]], atol=1e-5)
    asked = {"inputs": [image, table], "outputs": [{"name": "price"}]}
    assert [one["name"] for one in server.infer(asked)["outputs"]] == ["price"]
    short = {**table, "shape": [1, *table["shape"][1:]], "data": table["data"][:1]}
    for tensors, word in (
        ([image], "one tensor each called"),
        ([image, image], "one tensor each called"),
        ([image, {**table, "name": "x"}], "there is no input 'x', only '"),
        ([image, short], "as many rows as each other"),
    ):
        with pytest.raises(inference.RefusedError, match=word):
            server.infer({"inputs": tensors})


def test_text_and_a_file_that_xnnpack_takes_for_one_row_only(tmp_path: Path) -> None:
    layers = keras().layers
    words = np.random.default_rng(0).choice(["red", "green", "blue"], (40, 3))
    dataset = data.load((words, np.arange(40) % 3), "words", tmp_path / "words")
    lookup = layers.StringLookup(vocabulary=["red", "green", "blue"])
    ends = [lookup, layers.Rescaling(1.0), layers.Dense(3, "softmax")]
    source = save(keras().Sequential([keras().Input((3,), dtype="string"), *ends]), dataset, tmp_path / "m", "added")
    small = quantize(source, quantised(source, "dynamic", tmp_path / "small"), dataset, "dynamic").model
    folder = export(small, "container", tmp_path / "box", dataset).path
    inference = served(folder)
    server = inference.Model(folder / "model.tflite", json.loads((folder / "manifest.json").read_text()), 1)
    name = server.describe()["inputs"][0]["name"]
    told = server.infer(request(words[:8], name=name, datatype="BYTES"))["outputs"][0]
    np.testing.assert_allclose(np.reshape(told["data"], told["shape"]), predict(source.file, words[:8]), atol=0.05)
    with pytest.raises(inference.RefusedError, match="the data must be text"):
        server.infer(request(np.zeros((8, 3)), name=name, datatype="BYTES"))


def test_places_and_methods_that_are_not_there(port: int) -> None:
    assert ask(port, "GET", "/")[0] == 404
    assert ask(port, "GET", "/v2/models/dog")[0] == 404
    assert ask(port, "POST", "/v2/models/dog/infer", request(ONE))[0] == 404
    assert ask(port, "PUT", INFER, request(ONE))[0] == 501
    assert ask(port, "POST", INFER, None, {"Transfer-Encoding": "chunked"})[0] == 411


def test_a_connection_takes_requests_one_after_another(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for body, status in ((b"{}", 400), (json.dumps(request(ONE)).encode(), 200), (b"", 400)):
        connection.request("POST", INFER, body)
        answer = connection.getresponse()
        assert answer.status == status
        answer.read()
    connection.close()


def test_a_client_that_goes_in_the_middle(port: int) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"POST {INFER} HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{{".encode())
    assert ask(port, "POST", INFER, request(ONE))[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(image: tuple[Path, Path], context: Path, number: signal.Signals) -> None:
    server, port = start(image, context)
    with socket.create_connection(("127.0.0.1", port)):  # a client that says nothing doesn't hold it up
        started = time.monotonic()
        server.send_signal(number)
        said, errors = server.communicate(timeout=10)
    assert time.monotonic() - started < 2
    assert (server.returncode, errors.replace("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", "")) == (
        0,
        "",
    )
    assert said == f"cnn answers at http://127.0.0.1:{port}/v2/models/cnn\n"


def test_it_listens_on_this_machine_alone_unless_told(image: tuple[Path, Path], context: Path, port: int) -> None:
    listening = Path("/proc/net/tcp").read_text().split()
    places = [place.partition(":")[0] for place in listening if place.endswith(f":{port:04X}")]
    assert "0100007F" in places and "00000000" not in places
