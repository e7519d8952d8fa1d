"""A real HTTP server on 127.0.0.1 that answers as vLLM and Ollama do, and keeps every byte it was sent."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from curation.label.llm import LlmAnswers, LlmParams, annotate
from curation.label.taxonomy import Taxonomy

Say = Callable[[str, int], dict[str, Any]]
"""The text asked about, and how many requests came before, to what differs from a plain answer: `value` or
`content`, `finish`, `usage`; or `status`, `headers`, `body`; `delay`; `drip`, seconds before each byte."""


class Server(ThreadingHTTPServer):
    """Answers as `say` says."""

    daemon_threads = True

    def __init__(self, say: Say) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.say = say
        self.received: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(data) for data in self.received]

    @property
    def texts(self) -> list[str]:
        return [_text(data) for data in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            number = len(self.server.received)
            self.server.received.append(data)
            self.server.headers.append(dict(self.headers))
            self.server.paths.append(self.path)
        said = self.server.say(_text(json.loads(data)), number)
        time.sleep(said.get("delay", 0))
        body = said.get("body", self._answer(said)).encode()
        self.send_response(said.get("status", 200))
        for name, value in said.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not (drip := said.get("drip", 0)):
            self.wfile.write(body)
            return
        with contextlib.suppress(OSError):  # the client may have gone
            for at in range(len(body)):
                time.sleep(drip)
                self.wfile.write(body[at : at + 1])

    def do_GET(self) -> None:
        """A redirect that was followed would come as one."""
        self.server.received.append(b"{}")

    def _answer(self, said: dict[str, Any]) -> str:
        content = said.get("content", json.dumps({"label": said.get("value")}, ensure_ascii=False))
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": said.get("finish", "stop")}
        usage = said.get("usage", {"prompt_tokens": 100, "completion_tokens": 10})
        return json.dumps({"choices": [choice], "usage": usage})

    def log_message(self, *_: object) -> None:
        pass


def _text(data: dict[str, Any]) -> str:
    content: str = data["messages"][-1]["content"]
    return content.partition("<材料>\n")[2].partition("\n</材料>")[0]


def _good(text: str, _: int) -> dict[str, Any]:
    """The label that the text names, else it abstains."""
    return {"value": next((each for each in ("路灯", "道路", "噪声") if each in text), "无法判断")}


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server; a good model where nothing else is said."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(say: Say = _good) -> Server:
        server = Server(say)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def streets() -> Taxonomy:
    """Three labels."""

    def label(code: str, zh: str, en: str, **more: Any) -> dict[str, Any]:
        return {
            "code": code,
            "name": {"zh": zh, "en": en},
            "definition": {"zh": f"{zh}方面。", "en": en},
            **more,
        }

    lamps = label("L1", "路灯", "Lamps", includes=["灯杆倾斜"], excludes=["信号灯归道路"])
    lamps["examples"] = ["村口一到晚上就漆黑。", "第二个例子。"]
    return Taxonomy.model_validate(
        {
            "schema": "taxonomy/1",
            "name": "streets",
            "title": {"zh": "街面诉求", "en": "Streets"},
            "labels": [lamps, label("L2", "道路", "Roads"), label("L3", "噪声", "Noise")],
        }
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "egress.jsonl"


@pytest.fixture
def ask(streets: Taxonomy, log: Path) -> Callable[..., LlmAnswers]:
    """Annotate with a server; what is said by name is a parameter, but for the cache and the taxonomy."""

    def call(
        server: Server,
        documents: list[str],
        *,
        cache: Path | None = None,
        taxonomy: Taxonomy = streets,
        **params: Any,
    ) -> LlmAnswers:
        url = f"http://{server.host}/v1"
        given = {"url": url, "model": "m", "hosts": [server.host], "backoff": 0.01, "timeout": 5, **params}
        told = LlmParams.model_validate(given)
        return annotate(taxonomy, documents, told, prepared=True, log=log, cache=cache)

    return call
