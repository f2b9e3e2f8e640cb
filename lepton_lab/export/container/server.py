"""Answers a model's requests over HTTP, by the Open Inference Protocol, version 2.

    python server.py            serve until SIGTERM or Ctrl-C
    python server.py --check    whether a server on this machine is ready, for a container's health check

It needs NumPy and LiteRT only. The environment decides: SERVE_HOST (127.0.0.1), SERVE_PORT (8080), SERVE_THREADS
(requests that are computed at once; as many as there are cores), SERVE_MAX_BYTES (of a request's body; 16 MiB).

The protocol: https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

from inference import Model, RefusedError

HERE = Path(__file__).parent
HOST = os.environ.get("SERVE_HOST", "127.0.0.1")
PORT = int(os.environ.get("SERVE_PORT", "8080"))
THREADS = int(os.environ.get("SERVE_THREADS", "0")) or os.cpu_count() or 1
MAX_BYTES = int(os.environ.get("SERVE_MAX_BYTES", str(16 * 2**20)))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # of a client that says nothing
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: Server

    def handle(self) -> None:
        """Answer until the client goes."""
        try:
            super().handle()
        except OSError:  # it went in the middle of a request
            pass

    def do_GET(self) -> None:
        """Metadata and health."""
        model = self.server.model
        places: dict[str, dict[str, Any]] = {
            "/v2": {"name": "lepton-lab", "version": "1", "extensions": []},
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
            f"/v2/models/{model.name}": model.describe(),
            f"/v2/models/{model.name}/ready": {"name": model.name, "ready": True},
        }
        path = self.path.partition("?")[0].rstrip("/")
        if path in places:
            self._say(200, places[path])
        else:
            self._say(404, {"error": f"there is nothing at {self.path!r}; the model is at /v2/models/{model.name}"})

    def do_POST(self) -> None:
        """Answers to rows."""
        try:
            self._say(200, self._infer())
        except RefusedError as refused:
            self._say(refused.status, {"error": str(refused)})
        except OSError:
            raise
        except Exception as error:
            self.log_error("%s: %s", type(error).__name__, error)
            self._say(500, {"error": "the model could not answer; the server's log says why"})

    def _infer(self) -> dict[str, Any]:
        body = self._body()  # first, so that the connection is at its next request whatever comes of this one
        model = self.server.model
        if self.path.partition("?")[0] != f"/v2/models/{model.name}/infer":
            raise RefusedError(404, f"there is nothing at {self.path!r}; post to /v2/models/{model.name}/infer")
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is not JSON") from None
        return model.infer(request)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise RefusedError(411, "the request must say its Content-Length")
        if len(length) > 20 or int(length) > MAX_BYTES:
            self.close_connection = True
            raise RefusedError(413, f"the body has {length[:20]} bytes, and at most {MAX_BYTES} are taken")
        return self.rfile.read(int(length))

    def _say(self, status: int, what: dict[str, Any]) -> None:
        content = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request, or one by another method; said as JSON like the rest."""
        self.close_connection = True
        self._say(code, {"error": message or "the request can't be read"})

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of each request; errors are logged."""


class Server(ThreadingHTTPServer):
    """A thread for each connection; the model's interpreters bound what is computed at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: Model) -> None:
        self.model = model
        super().__init__((HOST, PORT), Handler)

    def server_bind(self) -> None:
        """Without the look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, PORT


def stop(*_: object) -> NoReturn:
    """End at once: whoever sends SIGTERM has stopped sending requests."""
    os._exit(0)


def main() -> None:
    """Serve, or check."""
    if sys.argv[1:] == ["--check"]:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v2/health/ready", timeout=2).close()
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    model = Model(HERE / "model.tflite", json.loads((HERE / "manifest.json").read_text()), THREADS)
    with Server(model) as server:
        print(f"{model.name} answers at http://{HOST}:{PORT}/v2/models/{model.name}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
