"""Rows of several examples: nothing is lost, nothing too long, and no example sees another."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import answers, packing
from training.apart import apart
from training.batches import pad
from training.encoded import IGNORED, Encoded
from training.recipe import parse

LENGTHS = st.lists(st.integers(1, 90), max_size=80)


@given(lengths=LENGTHS, row_length=st.integers(90, 200))
def test_every_example_is_in_one_row_and_no_row_is_too_long(lengths: list[int], row_length: int) -> None:
    rows = packing.pack(lengths, row_length)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in row) <= row_length for row in rows)
    assert rows == packing.pack(lengths, row_length)


@given(lengths=LENGTHS)
def test_rows_are_few(lengths: list[int]) -> None:
    rows = packing.pack(lengths, 100)
    # No two rows could be one: the guarantee of any fit, of which best fit decreasing is the best.
    filled = sorted(sum(lengths[place] for place in row) for row in rows)
    assert len(filled) < 2 or filled[0] + filled[1] > 100


def test_the_best_filled_row_is_chosen() -> None:
    assert packing.pack([60, 50, 40, 45], 100) == [[0, 2], [1, 3]]


def test_an_example_longer_than_a_row_has_one_of_its_own() -> None:
    assert packing.pack([30, 500, 60], 100) == [[1], [2, 0]]


def test_a_row_begins_anew_with_each_example() -> None:
    rows = [Encoded([5, 6, 7], [IGNORED, 6, 7]), Encoded([8, 9], [8, 9], [1.0, 0.5])]
    batch = packing.join(rows)
    assert "attention_mask" not in batch
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1]]
    assert batch["labels"].tolist() == [[IGNORED, 6, 7, IGNORED, 9]]  # 8 is not learnt from 7
    assert batch["weights"].tolist() == [[1.0, 1.0, 1.0, 1.0, 0.5]]


@pytest.mark.parametrize(
    ("data", "others", "lengths", "row"),
    [
        ({"max_length": 100}, {}, [40, 45, 90], 100),
        ({"max_length": 100}, {}, [40, 50, 90], None),  # the median is half a row
        ({"max_length": 100, "packing": "off"}, {}, [10], None),
        ({"max_length": 100, "packing": "on"}, {}, [90], 100),
        ({"max_length": 100}, {"train": {"neftune_alpha": 5.0}}, [10], None),
        ({"max_length": 100}, {"objective": "seq_cls"}, [10], None),
    ],
)
def test_packing_is_chosen_by_the_median_length(
    data: dict[str, Any], others: dict[str, Any], lengths: list[int], row: int | None
) -> None:
    recipe = parse({"schema": "training/1", "name": "x", "model": {"path": "tiny"}, "data": data, **others})
    assert packing.chosen(recipe, lengths) == row


ROWS = [Encoded(ids, ids) for ids in ([7, 8, 9, 10] * 5, [20, 21, 22] * 9, [30, 31])]


@pytest.mark.parametrize("architecture", ["qwen3", "llama"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_examples_of_a_row_do_not_see_each_other(
    architecture: str, attention: str, request: pytest.FixtureRequest
) -> None:
    model = saved(request.getfixturevalue(architecture), attention)
    assert packing.isolation(model, ROWS) <= packing.tolerance(model) / 100
    assert not model.training
    assert packing.isolation(model, ROWS[:1]) == 0.0


def test_attention_within_each_example_is_the_masked_one(qwen3: Path) -> None:
    import torch

    model = saved(qwen3, "sdpa").train()
    found = []
    for way in (contextlib.nullcontext(), apart(model)):
        model.zero_grad()
        with way:
            loss = answers.learning(model, "none").loss(model, packing.join(ROWS))
        loss.backward()
        found.append([loss.detach(), *(each.grad.clone() for each in model.parameters())])
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
    assert model.config._attn_implementation == "sdpa"


def test_a_padded_batch_and_a_sliding_window_are_attended_to_as_ever() -> None:
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(vocab_size=64, sliding_window=8, num_key_value_heads=2, head_dim=8, **shape)
    model = MistralForCausalLM(config).eval()
    assert packing.isolation(model, ROWS) <= packing.tolerance(model) / 100
    batch = {name: each for name, each in pad(ROWS).items() if name != "labels"}
    with torch.inference_mode():
        expected = model(**batch).logits
        with apart(model):
            torch.testing.assert_close(model(**batch).logits, expected)


def test_a_model_that_ignores_where_an_example_begins_is_found_out(qwen3: Path) -> None:
    model = saved(qwen3, "sdpa")

    class Deaf(type(model)):  # type: ignore[misc]
        def forward(self, *given: Any, position_ids: Any = None, **options: Any) -> Any:
            return super().forward(*given, **options)

    deaf = Deaf(model.config)
    deaf.load_state_dict(model.state_dict())
    assert packing.isolation(deaf, ROWS) > packing.tolerance(deaf)


def saved(folder: Path, attention: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention).eval()
