"""Serving the page from the terminal until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from curation import decisions
from curation.errors import UsageError
from curation.lang import Lang
from curation.review.desk import opened
from curation.review.web.app import create
from curation.review.web.security import Gate

HOST = "127.0.0.1"


def serve(
    run: Path, *, port: int, size: int, seed: int, lang: Lang, say: Callable[[str], object] = print
) -> None:
    """Let people review a run until somebody ends it.

    Args:
        port: 0 for any free one.
        size, seed: of the queue.
        lang: the language in which the page opens.
        say: prints a line.

    Raises:
        UsageError: not a run with something to review, or the port is taken.
    """
    desk = opened(run, size=size, seed=seed)
    path = desk.records.decisions
    before = len(decisions.in_force(decisions.read(path)))
    with _listening(port) as listening:
        gate = Gate(create(desk), listening.getsockname()[1], lang)
        say(f"open: {gate.address}")
        say(f"{len(desk.items):,} records to review; decisions go to {path}")
        say("Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            _server(gate).run(sockets=[listening])
    after = len(decisions.in_force(decisions.read(path)))
    decided = f"{after:,} decisions in {path}, {max(after - before, 0):,} of them new"
    say(f"{decided}; next: govtune curate as before, --output {run}: it applies them")


def _server(gate: Gate) -> uvicorn.Server:
    """It writes no log: lines of requests would hold the token and ids of records."""
    config = uvicorn.Config(
        gate,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise UsageError(f"--port {port}: {error.strerror}; --port 0 takes a free one") from None
    return made
