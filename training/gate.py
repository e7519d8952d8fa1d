"""What is checked between reading the data and the first step: whatever would otherwise train in silence and
to no avail is refused here, in one line that says what to do.

`before` looks at template, labels and packing, `after` at the adapter. Both together cost a few short forward
passes and one backward pass.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from curation.errors import UsageError
from training import attached, distributed, fitting, objectives, packing
from training.chat import Chat
from training.data import Message
from training.encoded import IGNORED, Counts, Encoded
from training.fitting import Fit
from training.model import dtype_of, ends
from training.roles import learnt as learnt_by_role
from training.roles import spread
from training.schema import Recipe

SAMPLE = 200
"""Examples that are rendered once more: evenly spaced, and so many that hold control tokens."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """The figures of what was checked. None: the check does not apply.

    Attributes:
        prompts: examples whose prompt a server's tokenizer renders to the same tokens.
        learnt: of each role's tokens the share that is learnt.
        fewest_learnt: learnt tokens of the row that has the fewest.
        answers: learnt answers; each ends with a learnt stop token.
        neutralised: examples looked at in which someone wrote control tokens; none of them has any effect.
        dropped: share of the examples.
        given_away: held-out examples that a train example gives away, left out, by split.
        isolation: largest difference that a neighbour in a packed row makes to a logit.
        trainable: parameters, as many as the recipe implies.
        gradients: matrices that one backward pass reaches.
        memory: what the planner expects on this device, of what is there, in bytes.
    """

    fewest_learnt: int
    dropped: float
    given_away: dict[str, int]
    prompts: int | None = None
    learnt: dict[str, float] | None = None
    answers: int | None = None
    neutralised: int | None = None
    isolation: float | None = None
    trainable: int | None = None
    gradients: int | None = None
    memory: dict[str, int] | None = None


def before(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    examples: Sequence[Any],
    rows: Sequence[Any],
    counts: Counts,
    given_away: Mapping[str, int],
    labels: int = 0,
) -> Gate:
    """Check what is going to be learnt, before an adapter is attached.

    Args:
        examples: of the train split; `rows` are what the objective made of them, less those it dropped.
        given_away: by split, held-out examples that were left out.
        labels: number of labels of a classifier.

    Raises:
        UsageError: what would go wrong, and what to do.
    """
    if not rows:
        raise UsageError("no train example is left; see data.max_length and data.overlong")
    encoded = [each for row in rows for each in _encodings(row)]
    there = _memory(model)
    gate = Gate(
        _fewest_learnt(encoded),
        counts.overlong / counts.rows,
        dict(given_away),
        memory=fits(recipe, model, rows, labels, there) if there else None,
    )
    if recipe.objective not in ("sft", "dpo"):
        return gate
    loss_on = recipe.chat.loss_on if recipe.objective == "sft" else "last_assistant"
    chat = Chat(tokenizer, recipe.chat.model_copy(update={"loss_on": loss_on}))
    chat.check(ends(model))
    ended = _require_stops(chat, encoded, chat.ends(ends(model)))
    said = [each.messages for each in examples]
    sample = [said[number] for number in spread(len(said), SAMPLE)]
    hostile = [each for each in said if not chat.template.is_plain(chat.template.said(each))]
    hostile = [hostile[number] for number in spread(len(hostile), SAMPLE)]
    _require_no_control_tokens(chat, [*sample, *hostile])
    return dataclasses.replace(
        gate,
        answers=ended,
        neutralised=len(hostile),
        prompts=_require_a_servers_prompts(chat, sample, recipe.model.trust_remote_code),
        learnt=_require_answers_alone(chat, sample),
        isolation=_require_isolation(recipe, model, rows),
    )


def after(gate: Gate, recipe: Recipe, model: Any, rows: Sequence[Any], labels: int = 0) -> Gate:
    """Check that the adapter that was attached is the recipe's, and that the loss reaches it.

    Raises:
        UsageError: what would go wrong, and what to do.
    """
    learning = objectives.of(recipe.objective).learning(model, recipe, rows, labels)
    return dataclasses.replace(
        gate,
        trainable=attached.parameters(model, recipe.adapter),
        gradients=attached.gradients(model, learning, rows),
    )


def _encodings(row: Any) -> list[Encoded]:
    return [row.chosen, row.rejected] if hasattr(row, "rejected") else [row]


def _fewest_learnt(rows: Sequence[Encoded]) -> int:
    fewest = min(map(_learnt, rows))
    if fewest == 0:
        raise UsageError("a train example has no token that is learnt; see chat.loss_on and the weights")
    return fewest


def _learnt(row: Encoded) -> int:
    return len(row.labels) - row.labels.count(IGNORED)


def _require_stops(chat: Chat, rows: Sequence[Encoded], allowed: set[int]) -> int:
    """The number of answers, each learnt up to and with a token that ends it."""
    tokenizer = chat.template.tokenizer
    stretches = [(row, end) for row in rows for _, end in row.learnt]
    if chat.settings.loss_on == "all":  # other people's turns are learnt as well
        bad = sum(not allowed & {*row.labels} for row in rows)
    else:
        bad = sum(row.labels[end - 1] not in allowed for row, end in stretches)
    if bad:
        raise UsageError(
            f"{bad:,} answers do not end with a token at which the model stops, so it would never learn to "
            "stop; see chat.template and chat.stop_tokens"
        )
    pad = tokenizer.pad_token_id
    if pad is not None and any(pad in row.labels for row in rows):
        raise UsageError(
            f"the tokenizer pads with {tokenizer.pad_token}, which is also learnt: whoever masks padding by "
            "its id takes the end of every answer out of the loss, and the model never stops; give it "
            "another pad_token in tokenizer_config.json"
        )
    return len(stretches)


def _require_no_control_tokens(chat: Chat, said: Sequence[Sequence[Message]]) -> None:
    """The control tokens of a conversation depend on who speaks, not on what is said."""
    neutral: dict[Any, list[int]] = {}
    for messages in said:
        shape = tuple(
            (each["role"], each["weight"], _thinks(each), bool(each["content"].strip())) for each in messages
        )
        if shape not in neutral:
            plain = [Message(**{**each, "content": _neutral(each)}) for each in messages]
            neutral[shape] = chat.control_tokens(chat.encode(plain))
        if chat.control_tokens(chat.encode(messages)) != neutral[shape]:
            raise UsageError(
                "what someone wrote in a train example became a control token: a letter could open a turn; "
                "use the model's own template and tokenizer"
            )


def _thinks(message: Message) -> bool:
    return message["role"] == "assistant" and "</think>" in message["content"]


def _neutral(message: Message) -> str:
    """A message of the same shape that holds nothing but a word."""
    if not message["content"].strip():
        return message["content"]
    head, closed, answer = message["content"].partition("</think>")
    if not (_thinks(message) and closed and head.lstrip().startswith("<think>")):
        return "甲"
    thoughts = "乙" if head.replace("<think>", "", 1).strip() else ""
    return f"<think>{thoughts}</think>{'甲' if answer.strip() else ''}"


def _require_a_servers_prompts(chat: Chat, said: Sequence[Sequence[Message]], trust: bool) -> int:
    """The number of prompts that are the same when the tokenizer is saved, loaded and asked as a server
    asks."""
    from transformers import AutoTokenizer

    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        chat.template.tokenizer.save_pretrained(folder)
        server = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
    thinking = chat.settings.thinking != "off"
    for messages in said:
        whole, _ = chat.rendered(messages)
        last = max(number for number, each in enumerate(whole) if each["role"] == "assistant")
        # A server would let what people wrote open a turn; and it is asked for the last answer alone.
        if last < len(whole) - 1 or not chat.template.is_plain(whole):
            continue
        asked = server.apply_chat_template(
            whole[:last], add_generation_prompt=True, enable_thinking=thinking, return_dict=True
        )["input_ids"]
        if chat.encode(messages).input_ids[: len(asked)] != asked:
            raise UsageError(
                "the prompts that are learnt from are not those that the saved tokenizer renders; is the "
                "chat template the one that the model is served with? See chat.template"
            )
        compared += 1
    return compared


def _require_answers_alone(chat: Chat, said: Sequence[Sequence[Message]]) -> dict[str, float]:
    """Of each role's tokens the share that is learnt."""
    shares = learnt_by_role(chat, said)
    wrong = [role for role in ("system", "user") if shares.get(role)]
    if wrong and chat.settings.loss_on != "all":
        raise UsageError(
            f"the labels lie on what {wrong[0]} messages say: the chat template does not end each answer "
            "with a stop token; use another one, or --set chat.loss_on=all"
        )
    return shares


def _require_isolation(recipe: Recipe, model: Any, rows: Sequence[Any]) -> float | None:
    if recipe.objective != "sft" or not packing.chosen(recipe, [len(row.input_ids) for row in rows]):
        return None
    difference, allowed = packing.isolation(model, rows), packing.tolerance(model)
    if difference > allowed:
        raise UsageError(
            f"packed examples see each other: a neighbour changes a logit by {difference:.2g}, rounding "
            f"explains {allowed:g}; --set data.packing=off, or another model.attention"
        )
    return difference


def expected(recipe: Recipe, model: Any, rows: Sequence[Any], labels: int, available: float) -> Fit | None:
    """What the planner expects of a model that is loaded, and of rows; None where it does not know the
    architecture."""
    device = model.device.type
    try:
        return fitting.fits(
            fitting.resolved(recipe, device, dtype_of(recipe.model, device)),
            model.config.to_dict(),
            available,
            lengths=[max(len(each.input_ids) for each in _encodings(row)) for row in rows],
            supervised=[max(map(_learnt, _encodings(row))) for row in rows],
            devices=distributed.world(),
            labels=labels,
        )
    except UsageError:
        return None


def fits(
    recipe: Recipe, model: Any, rows: Sequence[Any], labels: int, available: int
) -> dict[str, int] | None:
    """Bytes that the planner expects on a device, and bytes that are there; None where it does not know the
    architecture.

    Raises:
        UsageError: more is expected than is there, and what would make it smaller.
    """
    fit = expected(recipe, model, rows, labels, available)
    if fit is None:
        return None
    if not fit.fits:
        raise UsageError(f"the training does not fit: {fit.line()}")
    return {"needed": int(fit.memory.totals[1]), "available": available}


def _memory(model: Any) -> int | None:
    """Bytes of the GPU; of a CPU nobody knows what is free."""
    if model.device.type != "cuda":
        return None
    import torch

    return int(torch.cuda.get_device_properties(model.device).total_memory)
