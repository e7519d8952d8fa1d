"""Nothing is paid for twice, and no more than was allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UsageError
from curation.label.llm import LlmAnswers
from curation.label.llm.cache import Answer, Cache

Ask = Callable[..., LlmAnswers]
Serve = Callable[..., Any]

PRICE = {"prompt": 1_000_000, "completion": 0, "currency": "CNY"}
"""One yuan for each token of a prompt."""

DOCUMENTS = ["路灯不亮", "半夜有噪声", "今天天气好", "道路坑洼"]


def test_the_second_time_nothing_is_asked(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    server, cache = serve(), tmp_path / "answers.sqlite"
    first = ask(server, DOCUMENTS, cache=cache)
    second = ask(server, DOCUMENTS, cache=cache)
    assert len(server.received) == 4
    assert second.label.tolist() == first.label.tolist() == [0, 2, -1, 1]
    assert second.reason == first.reason
    assert (second.usage.requests, second.usage.cached, second.usage.prompt_tokens) == (0, 4, 0)


def test_a_wrong_answer_is_not_paid_for_again_either(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    server = serve(lambda text, number: {"value": "市政"})
    for _ in range(2):
        assert ask(server, ["路灯"], cache=tmp_path / "a").reason == ("not_in_taxonomy",)
    assert len(server.received) == 2


def test_another_model_prompt_or_option_asks_anew(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    server, cache = serve(), tmp_path / "answers.sqlite"
    for params in ({}, {"model": "other"}, {"examples": 0}, {"seed": 8}, {"constraint": "none"}, {}):
        ask(server, ["路灯不亮"], cache=cache, **params)
    assert len(server.received) == 5


def test_an_interrupted_run_goes_on_where_it_stopped(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    cache, up = tmp_path / "answers.sqlite", False
    server = serve(lambda text, number: {"value": "路灯"} if up or "坏" not in text else {"status": 403})
    documents = ["路灯一", "路灯二", "路灯三", "坏路灯", "路灯四"]
    with pytest.raises(UsageError, match="403"):
        ask(server, documents, cache=cache, concurrency=1)
    before, up = len(server.received), True
    answers = ask(server, documents, cache=cache, concurrency=1)
    assert answers.label.tolist() == [0] * 5
    assert answers.usage.cached == before - 1
    assert len(server.received) == 6


def test_a_failure_is_not_remembered(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    server = serve(lambda text, number: {"value": "路灯"} if number else {"status": 500})
    assert ask(server, ["路灯"], cache=tmp_path / "a", retries=0).reason == ("server_error",)
    assert ask(server, ["路灯"], cache=tmp_path / "a", retries=0).label.tolist() == [0]


def test_the_same_text_is_asked_once(serve: Serve, ask: Ask) -> None:
    server = serve()
    answers = ask(server, ["路灯不亮"] * 5 + ["道路坑洼"])
    assert answers.label.tolist() == [0] * 5 + [1]
    assert (len(server.received), answers.usage.cached) == (2, 4)


def test_the_cache_holds_no_text_and_is_private(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    cache = tmp_path / "answers.sqlite"
    cache.touch(0o644)
    server = serve(lambda text, number: {"content": text})
    ask(server, ["半夜很吵睡不着"], cache=cache)
    assert "半夜很吵".encode() not in cache.read_bytes()
    assert cache.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_cache_is_one_line(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("notes" * 1000)
    with pytest.raises(UsageError, match=r"notes\.txt: cannot be used as a cache") as error:
        ask(serve(), ["路灯不亮"], cache=other)
    assert "\n" not in str(error.value)
    assert other.read_text() == "notes" * 1000


def test_two_caches_share_a_file(tmp_path: Path) -> None:
    one, other = Cache(tmp_path / "a"), Cache(tmp_path / "a")
    one.put(b"k", Answer("路灯", None))
    assert other.get(b"k") == Answer("路灯", None)
    other.put(b"k", Answer(None, "cut_off"))
    assert one.get(b"k") == Answer(None, "cut_off")


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_is_spent_than_allowed(serve: Serve, ask: Ask, concurrency: int) -> None:
    server = serve(
        lambda text, number: {"value": "路灯", "usage": {"prompt_tokens": 400, "completion_tokens": 1}}
    )
    documents = [f"路灯{number}" for number in range(20)]
    answers = ask(server, documents, concurrency=concurrency, price=PRICE, max_cost=5000)
    cost = answers.usage.cost
    assert cost == 400 * len(server.received)
    assert 2000 < cost <= 5000
    labelled = len(server.received)
    assert answers.label.tolist() == [0] * labelled + [-1] * (20 - labelled)
    assert answers.reason[labelled:] == ("max_cost",) * (20 - labelled)
    again = ask(serve(server.say), documents, concurrency=1, price=PRICE, max_cost=5000)
    assert again.label.tolist() == answers.label.tolist()


def test_cached_answers_cost_nothing(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    server = serve()
    ask(server, DOCUMENTS, cache=tmp_path / "a")
    answers = ask(server, [*DOCUMENTS, "路灯又不亮"], cache=tmp_path / "a", price=PRICE, max_cost=0)
    assert answers.label.tolist() == [0, 2, -1, 1, -1]
    assert answers.reason[-1] == "max_cost"
    assert answers.usage.cost == 0


def test_a_server_that_counts_no_tokens_is_charged_at_most(serve: Serve, ask: Ask) -> None:
    server = serve(lambda text, number: {"value": "路灯", "usage": None})
    answers = ask(server, ["路灯"], price=PRICE)
    assert answers.usage.uncounted == 1
    assert answers.usage.prompt_tokens >= len(server.requests[0]["messages"][0]["content"])


def test_the_report_tells_cost_and_currency(serve: Serve, ask: Ask) -> None:
    price = {"prompt": 4, "completion": 16, "currency": "USD"}
    lines = ask(serve(), ["路灯不亮"] * 2, price=price).lines()
    assert "        2  labelled by the model" in lines
    assert "        1  answers from the cache" in lines
    assert f"{(100 * 4 + 10 * 16) / 1e6:>9,.4f}  USD" in lines
    assert not any("CNY" in line for line in lines)


def test_a_limit_needs_a_price(serve: Serve, ask: Ask) -> None:
    with pytest.raises(ValueError, match="max_cost needs a price"):
        ask(serve(), ["路灯不亮"], max_cost=1)
