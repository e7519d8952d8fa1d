"""One request to an OpenAI-compatible endpoint, with patience: retries, `Retry-After`, a deadline.

Nothing of a request or of an answer is ever repeated in an error: a server may echo the text. No redirect is
followed, no proxy used, nothing of the environment read but the key.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from curation.errors import UsageError
from curation.label.llm.egress import Log
from curation.label.llm.params import LlmParams

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 60.0
"""Seconds between two tries at most, whatever the server asks."""

LARGEST_ANSWER = 1 << 20
"""Bytes. A longer one is no label."""


class Reply(NamedTuple):
    """What came back.

    Attributes:
        content: the answer's text; None where the server sent something else.
        complete: it was not cut off at `max_tokens`.
        tokens: of prompt and answer; None where the server does not say.
        requests: how many were sent for it.
    """

    content: str | None
    complete: bool
    tokens: tuple[int, int] | None
    requests: int


class Unanswered(Exception):  # noqa: N818  an outcome, not a fault
    """No answer came, whatever was tried.

    Attributes:
        reason: `timeout`, `no_connection`, `rate_limited`, `server_error` or `stopped`.
        requests: how many were sent.
    """

    def __init__(self, reason: str, requests: int) -> None:
        super().__init__(reason)
        self.reason, self.requests = reason, requests


class Client:
    """Sends requests; may be used from many threads.

    Raises:
        UsageError: httpx is not installed, the key is not in the environment, or `ca_file` is not usable.
    """

    def __init__(self, params: LlmParams, log: Log) -> None:
        try:
            import httpx
        except ImportError:
            raise UsageError("llm needs httpx: pip install 'govtune[llm]'") from None
        self._params, self._log = params, log
        self._host, self._url = params.endpoint.address, params.endpoint.url + "/chat/completions"
        self._stopped = threading.Event()
        self._http = httpx.Client(
            headers={
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "govtune",
                **_authorisation(params.api_key_env),
            },
            timeout=params.timeout,
            limits=httpx.Limits(max_connections=params.concurrency),
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(params.ca_file),
        )

    def ask(self, body: bytes, text: str) -> Reply:
        """Send a request until it is answered or `retries` are used up.

        Args:
            text: what of the body is somebody's text, for the log.

        Raises:
            Unanswered: no answer came.
            UsageError: the server refuses, or sends us elsewhere: it would do so again.
        """
        reason, asked = "stopped", 0.0
        for turn in range(self._params.retries + 1):
            backoff = self._params.backoff * 2 ** (turn - 1) if turn else 0.0
            if self._stopped.wait(min(max(backoff, asked), LONGEST_WAIT)):
                raise Unanswered("stopped", turn)
            digest = self._log.sent(body, text)
            status, headers, data = self._post(body)
            tokens = _tokens(data) if status == 200 else None
            self._log.answered(digest, status, tokens)
            if status == 200:
                return Reply(*_content(data), tokens, turn + 1)
            reason, asked = self._why(status), _retry_after(headers.get("retry-after"))
        raise Unanswered(reason, self._params.retries + 1)

    def stop(self) -> None:
        """Send nothing more; who waits stops waiting."""
        self._stopped.set()

    def close(self) -> None:
        self._http.close()

    def _post(self, body: bytes) -> tuple[int | str, Mapping[str, str], Any]:
        """The status, or why there is none, the headers, and the JSON data."""
        import httpx

        deadline = time.monotonic() + self._params.timeout
        data = bytearray()
        try:
            with self._http.stream("POST", self._url, content=body) as response:
                if response.status_code != 200:
                    return response.status_code, response.headers, None
                for part in response.iter_bytes():
                    data += part
                    if time.monotonic() > deadline:  # httpx counts each wait anew
                        return "timeout", {}, None
                    if len(data) > LARGEST_ANSWER:
                        return 200, {}, None
        except httpx.TimeoutException:
            return "timeout", {}, None
        except httpx.HTTPError:
            return "no_connection", {}, None
        try:
            return 200, {}, orjson.loads(bytes(data))
        except orjson.JSONDecodeError:
            return 200, {}, None

    def _why(self, status: int | str) -> str:
        """The reason behind a status that may be another one next time."""
        if isinstance(status, str):
            return status
        if status == 429:
            return "rate_limited"
        if status == 408 or status >= 500:
            return "server_error"
        if 300 <= status < 400:
            raise UsageError(
                f"llm: {self._host} answered with status {status}, a redirect; none is followed, "
                "so give the final address as url and list its host"
            )
        raise UsageError(
            f"llm: {self._host} refused the request with status {status}{_HINTS.get(status, '')}"
        )


_HINTS = {
    400: "; does it know this model, constraint and extra_body, and do characters fit its context?",
    401: "; is the key in api_key_env right?",
    403: "; is the key in api_key_env right?",
    404: "; are url and model right?",
    413: "; lower characters",
}


def _authorisation(variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(f"llm: the environment variable {variable}, named by api_key_env, is not set")
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"llm: what {variable} holds is no key: it has characters that no key has")
    return {"Authorization": f"Bearer {key}"}


def _trusted(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise UsageError(f"llm: {ca_file}: cannot be read as certificates (PEM)") from None


def _retry_after(header: str | None) -> float:
    """Seconds that a server asks to wait: a number or a date."""
    if header is None:
        return 0.0
    with contextlib.suppress(ValueError, OverflowError):
        if header.strip().isdigit():
            return float(header)
        date = parsedate_to_datetime(header)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return 0.0


def _content(data: Any) -> tuple[str | None, bool]:
    """The answer's text and whether it is complete."""
    try:
        choice = data["choices"][0]
        content = choice["message"]["content"]
        return (content if isinstance(content, str) else None), choice.get("finish_reason") != "length"
    except (TypeError, KeyError, IndexError, AttributeError):
        return None, True


def _tokens(data: Any) -> tuple[int, int] | None:
    usage = data.get("usage") if isinstance(data, dict) else None
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int or min(prompt, completion) < 0:
        return None
    return prompt, completion
