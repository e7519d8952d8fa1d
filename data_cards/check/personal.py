"""Whether personal data stand in the card itself: identifiers and names in everything that is written about
the data set. What the run's policy keeps may stand there, and whom to ask, as people wrote it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any

from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.anonymise.policy import Policy
    from curation.anonymise.tagger import Tagger

DEFAULT_POLICY, DEFAULT_NAMES = "letters", "lac"
"""What looks at the card of data that were not anonymised by us."""

_DIGEST = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16,64}(?![0-9A-Za-z])")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_HAN_OR_NUMBER = re.compile(r"[㐀-鿿]|\d{5}|@")
"""A line without any of these holds nothing that our recognisers know."""


def faults(
    texts: Mapping[str, str], allowed: Iterable[str], lock: Mapping[str, Any] | None, notes: list[str]
) -> Iterator[str]:
    """File, line and type of what is found; never the value.

    Args:
        texts: by path.
        allowed: texts in which people said whom to ask.
        notes: takes what could not be looked for.
    """
    policy, names = _recognisers(lock, notes)
    said, own = "\n".join(allowed), _own_words()
    for name, text in texts.items():
        for line, words in _lines(name, text):
            for kind, value in _found(words, policy, names):
                if value.replace("\\", "") not in said and value not in own:
                    yield f"{name}: line {line} holds personal data ({kind})"


def _recognisers(lock: Mapping[str, Any] | None, notes: list[str]) -> tuple[str, str]:
    """Names of the policy and of the name engine: those of the run, where they are here."""
    stages = (
        {name: said for stage in lock["recipe"]["stages"] for name, said in stage.items()} if lock else {}
    )
    options = stages.get("anonymise") or {}
    policy, names = options.get("policy", DEFAULT_POLICY), options.get("names", DEFAULT_NAMES)
    try:
        _policy(policy)
    except UsageError:
        notes.append(f"personal data: policy {policy} is not here; looked by policy {DEFAULT_POLICY}")
        policy = DEFAULT_POLICY
    try:
        _tagger(names)
    except UsageError:
        notes.append(f"personal data: names by {names} could not be looked for")
        names = "none"
    return policy, names


def _lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    """What people read in a file, with the number of the line."""
    lines: Iterable[tuple[int, str]] = enumerate(text.split("\n"), 1)
    if name.endswith((".html", ".svg")):
        reader = _Text()
        reader.feed(text)
        lines = reader.found
    for number, line in lines:
        if name.endswith((".json", ".jsonl")):
            line = "\n".join(str(json.loads(each)) for each in _JSON_STRING.findall(line) if _is_json(each))
        plain = _codes().sub("", _DIGEST.sub("", line))
        if _HAN_OR_NUMBER.search(plain):
            yield number, plain


@functools.cache
def _codes() -> re.Pattern[str]:
    """The names of types: after 微信号, `WECHAT` would be taken for an account."""
    from curation.anonymise.policy import TYPES

    return re.compile("|".join(map(re.escape, sorted(TYPES, key=len, reverse=True))))


@functools.cache
def _own_words() -> frozenset[str]:
    """Words that a card is written with, and common ones: 保留 after 姓名 is no name."""
    from curation.anonymise.lexicon import common_words

    text = resources.files("data_cards").joinpath("terms.yaml").read_text(encoding="utf-8")
    return common_words() | frozenset(re.findall(r"[㐀-鿿]+", text))


def _is_json(string: str) -> bool:
    try:
        json.loads(string)
    except ValueError:
        return False
    return True


class _Text(HTMLParser):
    """The text of a page outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag == "style"
        shown = [value for name, value in attrs if name in ("title", "alt", "aria-label") and value]
        self.found += [(self.getpos()[0], value) for value in shown]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._silent:
            first = self.getpos()[0]
            self.found += [(first + number, line) for number, line in enumerate(data.split("\n"))]


@functools.lru_cache(maxsize=20_000)
def _found(text: str, policy: str, names: str) -> tuple[tuple[str, str], ...]:
    """Type and value of what the policy would change."""
    from curation.anonymise.detect import detect

    rules = _policy(policy).of(None)
    (found,) = detect([{"text": text}], [{}], [rules], tagger=_tagger(names))
    spans = found.spans.get("text", [])
    placeholders = {rule.placeholder for rule in rules.values()}
    return tuple(
        (span.type, text[span.start : span.end])
        for span in spans
        if rules[span.type].changes and text[span.start : span.end] not in placeholders
    )


@functools.lru_cache(maxsize=4)
def _policy(name: str) -> Policy:
    from curation.anonymise import policy

    return policy.load(name)


@functools.lru_cache(maxsize=2)
def _tagger(names: str) -> Tagger:
    from curation.anonymise import tagger

    return tagger.load(names)
