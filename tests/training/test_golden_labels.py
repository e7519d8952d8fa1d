"""Labels against `golden/labels.yaml`, which a person wrote and can read."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation.errors import UsageError
from training.chat import IGNORED, Chat, Encoded
from training.data import Conversation, Message
from training.schema import Chat as Settings
from training.schema import Data

GOLDEN: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "labels.yaml").read_text(encoding="utf-8")
)


def marked(tokenizer: Any, encoded: Encoded) -> str:
    """The tokens as text, marked as the golden file has it."""
    added = set(tokenizer.get_added_vocab().values())
    weights = encoded.weights or [float(label != IGNORED) for label in encoded.labels]
    written = ""
    stretches = groupby(zip(encoded.input_ids, encoded.labels, weights, strict=True), lambda each: each[2])
    for weight, tokens in stretches:
        text = ""
        for control, run in groupby(tokens, lambda each: each[0] in added):
            ids = [token for token, *_ in run]
            said = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            text += said if control else said.replace("<", "\\<")
        counted = "" if weight == 1 else f"{weight:g}:"
        written += f"⟦{counted}{text}⟧" if weight else text
    return written


@pytest.mark.parametrize("shape", GOLDEN)
def test_the_labels_are_those_that_were_written_by_hand(shape: str, tokenizers: dict[str, Any]) -> None:
    case = GOLDEN[shape]
    tokenizer = tokenizers[case["tokenizer"]]
    messages = [
        Message(
            role=each["role"],
            content=each["content"],
            weight=float(each.get("weight", each["role"] == "assistant")),
        )
        for each in case["messages"]
    ]
    chat = Chat(tokenizer, Settings(**case.get("chat", {})))
    conversations, limits = [Conversation(shape, messages)], Data(**case.get("data", {}))
    if "refused" in case:
        with pytest.raises(UsageError) as refused:
            chat.encode_all(conversations, limits)
        assert case["refused"] in str(refused.value)
        return
    [encoded], _ = chat.encode_all(conversations, limits)
    assert marked(tokenizer, encoded) == case["learnt"]
    ids, labels = encoded.input_ids, encoded.labels
    assert all(label in (IGNORED, each) for each, label in zip(ids, labels, strict=True))
    if encoded.weights is not None:
        learnt = [label != IGNORED for label in labels]
        assert [weight > 0 for weight in encoded.weights] == learnt
