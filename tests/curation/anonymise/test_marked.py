"""Marked text: what is written between the marks is what the spans say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import marked, policy
from curation.errors import InputError

GOLD = sorted(Path(__file__).parent.glob("gold/*.txt"))

PLAIN = st.text(st.characters(exclude_characters="{}|", exclude_categories=["Cs"]), max_size=12)
PIECES = st.lists(st.tuples(PLAIN, PLAIN.filter(bool), st.sampled_from(policy.TYPES)), max_size=6)


@given(PIECES, PLAIN)
def test_spans_are_what_stood_between_the_marks(pieces: list[tuple[str, str, str]], rest: str) -> None:
    text, spans = marked.plain("".join(f"{a}{{{{{kind}|{b}}}}}" for a, b, kind in pieces) + rest)
    assert text == "".join(a + b for a, b, _ in pieces) + rest
    assert [(text[start:end], kind) for start, end, kind in spans] == [(b, kind) for _, b, kind in pieces]


def test_documents_are_cut_at_their_headers(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(
        "=== a-1 letter\n我叫{{PERSON|覃水生}}。\n第二行\n\n=== a-2 notice\n停水。\n", encoding="utf-8"
    )
    first, second = marked.read(path)
    assert first == ("a-1", "letter", "我叫覃水生。\n第二行", [(2, 5, "PERSON")])
    assert (second.id, second.text, second.spans) == ("a-2", "停水。", [])


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    row = {"id": 7, "text": "我叫覃水生", "spans": [[2, 5, "PERSON", "name"]]}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert marked.read(path) == [("7", "", "我叫覃水生", [(2, 5, "PERSON")])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("路灯\n", "text before"),
        ("=== a-1 x\n{{PERSON|覃\n", "a-1"),
        ("=== a-2 x\n{{PERSON|{{QQ|1}}}}", "a-2"),
    ],
)
def test_what_is_not_marked_text_is_told_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as error:
        marked.read(path)
    assert "覃" not in str(error.value)


def test_the_gold_set_is_large_varied_and_marked_with_known_types() -> None:
    documents = [one for path in GOLD for one in marked.read(path)]
    assert len(documents) >= 300 and len({one.id for one in documents}) == len(documents)
    assert len({one.kind for one in documents}) >= 20
    kinds = {span[2] for one in documents for span in one.spans}
    assert kinds == set(policy.TYPES) - {"LOCATION", "ORGANIZATION"}
