"""A label for each text from a language model: who is asked, in which order, and when to stop.

Texts are submitted in order and their answers gathered in order, and every decision (what is left to spend,
whether the server is gone) looks only at what was gathered; so concurrency changes no answer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from curation.errors import UsageError
from curation.label.llm.answers import LlmAnswers, Usage
from curation.label.llm.cache import Answer, Cache
from curation.label.llm.client import Client, Unanswered
from curation.label.llm.egress import Guard, Log
from curation.label.llm.params import LlmParams
from curation.label.llm.prompt import ABSTAIN, Prompt, shown_examples
from curation.label.taxonomy import Taxonomy

if TYPE_CHECKING:
    from curation.pipeline import Progress

BATCH = 256
"""Texts that the guard looks over at once."""

GONE = 5
"""So many texts one after the other without an answer, and the server is taken to be gone."""

_NO_ANSWER = ("timeout", "no_connection", "rate_limited", "server_error")


def annotate(
    taxonomy: Taxonomy,
    documents: Sequence[str],
    params: LlmParams,
    *,
    prepared: bool,
    log: Path,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> LlmAnswers:
    """Ask a model for the label of each document.

    Args:
        documents: anonymised, without a key, and screened. Each is looked over once more; one in which
            something is found stays here.
        prepared: whether the records went through the stages `screen` and `anonymise`; the recipe knows.
        log: JSON lines of what left; appended to.
        cache: answers that were given before; with the same file, nothing is asked or paid for twice.
        progress: told how many documents are done.

    Raises:
        UsageError: the records are not prepared, an example of the taxonomy must not leave, httpx or the key
            is missing, a file cannot be written, or the server refuses, redirects, or is gone. Answers until
            then are in the cache.
    """
    if not prepared:
        raise UsageError(
            "llm: only screened and anonymised text may leave; put the stages screen and anonymise before it"
        )
    started = time.monotonic()
    guard, prompt = Guard(params.policy, params.names), Prompt(taxonomy, params)
    _check_examples(taxonomy, params, guard)
    with (
        closing(Cache(cache)) as store,
        closing(Log(log, params.endpoint.address, params.model)) as written,
        closing(Client(params, written)) as client,
    ):
        run = _Run(params, prompt, guard, store, client, progress)
        run.through(documents)
    return run.answers(time.monotonic() - started)


def _check_examples(taxonomy: Taxonomy, params: LlmParams, guard: Guard) -> None:
    """Examples leave with every request."""
    shown = [
        (label.code, each) for label in taxonomy.leaves for each in shown_examples(label, params.examples)
    ]
    for (code, _), reason in zip(shown, guard([each for _, each in shown]), strict=True):
        if reason is not None:
            raise UsageError(
                f"taxonomy {taxonomy.name}, label {code}: an example must not leave ({reason}); "
                "change it, or set examples: 0"
            )


class _Outcome(NamedTuple):
    """What became of one text, and what it took."""

    answer: Answer
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0


class _Pending(NamedTuple):
    """A text that was submitted; `most` is what it can cost."""

    row: int
    most: float
    future: Future[_Outcome]


class _Run:
    """One pass over the documents."""

    def __init__(
        self,
        params: LlmParams,
        prompt: Prompt,
        guard: Guard,
        cache: Cache,
        client: Client,
        progress: Progress | None,
    ) -> None:
        self._params, self._prompt, self._guard = params, prompt, guard
        self._cache, self._client, self._progress = cache, client, progress
        self._answers: list[Answer | None] = []
        self._same: dict[bytes, int] = {}
        self._copies: list[tuple[int, int]] = []
        self._pending: deque[_Pending] = deque()
        self._totals = np.zeros(len(_Outcome._fields) - 1, np.int64)
        self._cached = self._truncated = self._failures = 0

    def through(self, documents: Sequence[str]) -> None:
        """Ask for every document."""
        self._answers = [None] * len(documents)
        threads = ThreadPoolExecutor(self._params.concurrency, thread_name_prefix="llm")
        try:
            for index, document, reason in self._looked_over(documents):
                self._one(index, document, reason, threads)
                if self._progress is not None:
                    self._progress("label: llm", index + 1 - len(self._pending), len(documents))
            while self._pending:
                self._gather()
                if self._progress is not None:
                    self._progress("label: llm", len(documents) - len(self._pending), len(documents))
        finally:
            self._client.stop()
            threads.shutdown(cancel_futures=True)
        for index, first in self._copies:
            self._answers[index] = copied = self._answers[first]
            self._cached += copied is not None and copied.reason not in (*_NO_ANSWER, "max_cost")

    def answers(self, seconds: float) -> LlmAnswers:
        """What was said."""
        said = [each for each in self._answers if each is not None]
        label = [-1 if each.value is None else self._prompt.number(each.value) for each in said]
        reason = ["abstained" if each.value == ABSTAIN else each.reason for each in said]
        requests, prompt, completion, uncounted = self._totals.tolist()
        price = self._params.price
        return LlmAnswers(
            np.array(label, np.int64),
            tuple(reason),
            Usage(
                requests,
                prompt,
                completion,
                uncounted,
                self._cached,
                self._truncated,
                self._spent if price else None,
                price.currency if price else None,
                seconds,
            ),
        )

    @property
    def _spent(self) -> float:
        _, prompt, completion, _ = self._totals.tolist()
        return self._params.price.of(prompt, completion) if self._params.price else 0.0

    def _looked_over(self, documents: Sequence[str]) -> Iterator[tuple[int, str, str | None]]:
        """Each document right before it is its turn, with the reason why it must stay."""
        for start in range(0, len(documents), BATCH):
            batch = documents[start : start + BATCH]
            for at, reason in enumerate(self._guard(batch, self._params.characters)):
                yield start + at, batch[at], reason

    def _one(self, index: int, document: str, reason: str | None, threads: ThreadPoolExecutor) -> None:
        if reason is not None or not document.strip():
            self._answers[index] = Answer(None, reason or "empty")
            return
        text = self._prompt.text(document)
        self._truncated += len(text) < len(document)
        key = self._prompt.key(text)
        if key in self._same:
            self._copies.append((index, self._same[key]))
            return
        self._same[key] = index
        if (known := self._cache.get(key)) is not None:
            self._answers[index] = known
            self._cached += 1
            return
        most = self._most(text)
        if not self._affordable(most):
            self._answers[index] = Answer(None, "max_cost")
            return
        while len(self._pending) >= 2 * self._params.concurrency:
            self._gather()
        self._pending.append(_Pending(index, most, threads.submit(self._ask, key, text)))

    def _most(self, text: str) -> float:
        """What a text can cost: as many tokens as its prompt has characters, and that twice."""
        price = self._params.price
        return 0.0 if price is None else 2 * price.of(self._prompt.characters(text), self._params.max_tokens)

    def _affordable(self, most: float) -> bool:
        """Whether the cost stays below `max_cost` with one more text, whatever those under way cost."""
        limit = self._params.max_cost
        if limit is None:
            return True
        while self._pending and self._spent + most + sum(each.most for each in self._pending) > limit:
            self._gather()
        return self._spent + most <= limit

    def _gather(self) -> None:
        """Take in the oldest text that was submitted."""
        row, _, future = self._pending.popleft()
        outcome = future.result()
        self._answers[row] = outcome.answer
        self._totals += np.array(outcome[1:])
        self._failures = self._failures + 1 if outcome.answer.reason in _NO_ANSWER else 0
        if self._failures == GONE:
            raise UsageError(
                f"llm: {self._params.endpoint.address} gave no answer to {GONE} texts in a row "
                f"({outcome.answer.reason}); answers until then are kept in the cache, if one is set"
            )

    def _ask(self, key: bytes, text: str) -> _Outcome:
        """In a thread: ask for a text, once more where the answer does not count, and store the answer."""
        requests = prompt_tokens = completion_tokens = uncounted = 0
        answer = Answer(None, None)
        for again in (False, True):
            try:
                reply = self._client.ask(self._prompt.body(text, again=again), text)
            except Unanswered as none:
                requests += none.requests
                return _Outcome(
                    Answer(None, none.reason), requests, prompt_tokens, completion_tokens, uncounted
                )
            requests += reply.requests
            tokens = reply.tokens or (self._prompt.characters(text), self._params.max_tokens)
            prompt_tokens, completion_tokens = prompt_tokens + tokens[0], completion_tokens + tokens[1]
            uncounted += reply.tokens is None
            value = None if reply.content is None else self._prompt.value(reply.content)
            if value is not None:
                answer = Answer(value, None)
                break
            unreadable = "unreadable" if reply.content is None else "not_in_taxonomy"
            answer = Answer(None, unreadable if reply.complete else "cut_off")
        self._cache.put(key, answer)
        return _Outcome(answer, requests, prompt_tokens, completion_tokens, uncounted)
