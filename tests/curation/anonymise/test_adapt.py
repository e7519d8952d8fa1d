"""A tagger adapted to a user's letters: what it learnt, and how near it says it came."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.anonymise import tagger
from curation.anonymise.taggers.adapt import adapt
from curation.errors import UsageError
from curation.samples import banks, letters


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = random.Random(5)
    categories = sorted(banks.load("topics"))
    return [letters.compose(draw, categories[at % len(categories)]).text.text for at in range(160)]


def test_it_comes_near_the_default_engine_and_holds_no_text(texts: list[str], tmp_path: Path) -> None:
    done = adapt(texts, tmp_path / "ours.npz")
    assert (done.texts, done.held_out) == (len(set(texts)) - done.held_out, -(-len(set(texts)) // 10))
    assert done.after >= 0.8
    found = tagger.load(f"crf:{tmp_path / 'ours.npz'}").tag(["我叫王建国，家住清溪县建设巷8号"])
    assert (2, 5, "PERSON") in {entity[:3] for entity in found[0]}
    content = (tmp_path / "ours.npz").read_bytes()
    assert not any(text[:8].encode() in content or text[:8].encode("utf-32-le") in content for text in texts)


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 different texts are too few"):
        adapt(["路灯不亮", "路灯不亮", "停水了", ""], tmp_path / "no.npz")
    assert not (tmp_path / "no.npz").exists()


def test_the_command_reads_what_anonymise_reads(
    govtune: Callable[..., Any], texts: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "letters.jsonl"
    rows = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    told = govtune("anonymise-adapt", path, "-o", tmp_path / "ours.npz")
    assert told.code == 0 and "agreement with the default engine" in told.out
    assert (
        govtune(
            "anonymise", path, "-o", tmp_path / "out.jsonl", "--names", f"crf:{tmp_path / 'ours.npz'}"
        ).code
        == 0
    )
    assert govtune("anonymise-adapt", tmp_path / "gone.jsonl", "-o", tmp_path / "x.npz").code == 2
