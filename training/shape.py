"""The shape of a decoder from its `config.json`: which layers it has and how many parameters, without torch.

Only architectures are read whose layers are known exactly; the parameters counted here are those that
transformers and peft count. Anything else, a mixture of experts above all, is refused rather than guessed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.errors import UsageError
from curation.strict import nearest
from training.schema import TINY, Adapter, Recipe

EMBEDDING, HEAD = "model.embed_tokens", "lm_head"


@dataclasses.dataclass(frozen=True)
class Module:
    """A layer with weights.

    Attributes:
        name: as in the model, without the number of its block: `self_attn.q_proj`.
        fan_in, fan_out: of a linear layer or the embedding; both 0 for a norm.
        others: parameters besides the matrix: a bias, or a norm's weights.
    """

    name: str
    fan_in: int = 0
    fan_out: int = 0
    others: int = 0

    @property
    def parameters(self) -> int:
        return self.fan_in * self.fan_out + self.others

    @property
    def is_matrix(self) -> bool:
        return self.fan_in > 0


@dataclasses.dataclass(frozen=True)
class Shape:
    """A decoder.

    Attributes:
        block: the layers of one of its `layers` blocks, in the order in which they are computed.
        windows: for each block how many tokens back it attends to; None: all.
        tied: the head is the embedding.
    """

    family: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    block: tuple[Module, ...]
    windows: tuple[int | None, ...]

    @property
    def parameters(self) -> int:
        return sum(module.parameters for _, module in self.modules())

    @property
    def matrices(self) -> list[Module]:
        """The linear layers of a block."""
        return [module for module in self.block if module.is_matrix]

    @property
    def block_matrices(self) -> int:
        """Parameters in the linear layers of all blocks, which are what is quantised."""
        return self.layers * sum(module.fan_in * module.fan_out for module in self.matrices)

    def modules(self) -> Iterator[tuple[str, Module]]:
        """Every layer with its full name."""
        yield EMBEDDING, Module(EMBEDDING, self.vocabulary, self.hidden)
        for number in range(self.layers):
            for module in self.block:
                yield f"model.layers.{number}.{module.name}", module
        yield "model.norm", Module("norm", others=self.hidden)
        if not self.tied:
            yield HEAD, Module(HEAD, self.hidden, self.vocabulary)


def of(config: Mapping[str, Any]) -> Shape:
    """The shape that a `config.json` describes.

    Raises:
        UsageError: an architecture whose layers are not known here.
    """
    config = config.get("text_config") or config
    family = str(config.get("model_type"))
    if experts := next((key for key in config if "expert" in key and config[key]), None):
        raise UsageError(f"config.json: {experts}: a mixture of experts, which is not planned for")
    if family not in _FAMILIES:
        raise UsageError(
            f"config.json: model_type {family}: its layers are not known here, those of "
            f"{', '.join(_FAMILIES)} are"
        )
    try:
        return _shape(family, config)
    except KeyError as error:
        raise UsageError(f"config.json: no {error.args[0]}") from None


def find(recipe: Recipe, name: str | None) -> tuple[Shape, str]:
    """The shape that a recipe is planned for and what it is called.

    Args:
        name: a published shape, instead of the recipe's model.

    Raises:
        UsageError: an unknown name, no `config.json`, or one that is not understood.
    """
    if name is not None:
        if name not in PUBLISHED:
            raise UsageError(f"--shape {name}: unknown{nearest(name, PUBLISHED)}")
        return of(PUBLISHED[name]), name
    if recipe.model.path == TINY:
        from training import tiny

        return of(read_config(tiny.folder())), TINY
    if recipe.model.on_hub:
        raise UsageError(
            f"model.path: {recipe.model.path} is on a hub; plan asks no network: name its shape with --shape"
            f"{nearest(recipe.model.path.rpartition('/')[2].lower(), PUBLISHED)}"
        )
    return of(read_config(Path(recipe.model.path))), Path(recipe.model.path).name


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a model's folder.

    Raises:
        UsageError: there is none, or it is no JSON object.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"{folder}: no config.json; name a published shape with --shape") from None
    except ValueError:
        raise UsageError(f"{folder}/config.json: not valid JSON") from None
    if not isinstance(config, dict):
        raise UsageError(f"{folder}/config.json: not a JSON object")
    return config


def trainable(shape: Shape, adapter: Adapter, objective: str = "sft", labels: int = 0) -> int:
    """Number of parameters that are trained, as peft counts them; the head of a classifier included.

    Raises:
        UsageError: a target is no layer of this shape.
    """
    head = labels * shape.hidden + (labels if objective == "token_cls" else 0)
    modules = [each for each in shape.modules() if objective in ("sft", "dpo") or each[0] != HEAD]
    if adapter.type == "none":
        return sum(module.parameters for _, module in modules) + head
    _require_layers(adapter, [name for name, _ in modules])
    adapted = [module for name, module in modules if module.is_matrix and is_target(name, adapter)]
    total = sum(adapter.rank * (module.fan_in + module.fan_out) for module in adapted)
    if adapter.type == "dora":
        total += sum(module.fan_out for module in adapted)
    saved = [
        module for name, module in modules if any(name.endswith(each) for each in adapter.modules_to_save)
    ]
    return total + sum(module.parameters for module in saved) + head


def is_target(name: str, adapter: Adapter) -> bool:
    """Whether a layer of this full name gets an adapter, by peft's rules."""
    if any(name == each or name.endswith(f".{each}") for each in adapter.exclude):
        return False
    if adapter.targets == "all-linear":
        return name not in (EMBEDDING, HEAD)
    if isinstance(adapter.targets, str):
        return re.fullmatch(adapter.targets, name) is not None
    return any(name == each or name.endswith(f".{each}") for each in adapter.targets)


def _require_layers(adapter: Adapter, names: list[str]) -> None:
    if adapter.targets == "all-linear":
        return
    for target in [adapter.targets] if isinstance(adapter.targets, str) else adapter.targets:
        one = adapter.model_copy(update={"targets": target if isinstance(adapter.targets, str) else [target]})
        if not any(is_target(name, one) for name in names):
            raise UsageError(f"adapter.targets: the model has no layer {target}")


def _shape(family: str, config: Mapping[str, Any]) -> Shape:
    rules = _FAMILIES[family]
    hidden, heads, intermediate = (
        int(config[key]) for key in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head_dim = int(config.get("head_dim") or hidden // heads)
    layers = int(config["num_hidden_layers"])
    wide, narrow = heads * head_dim, kv_heads * head_dim
    bias = rules.bias if rules.bias is not None else bool(config.get("attention_bias", False))

    def linear(name: str, fan_in: int, fan_out: int, biased: bool) -> Module:
        return Module(name, fan_in, fan_out, fan_out if biased else 0)

    mlp_bias = bool(config.get("mlp_bias", False))
    up = (
        [linear("mlp.gate_up_proj", hidden, 2 * intermediate, mlp_bias)]
        if rules.fused_up
        else [linear(f"mlp.{name}_proj", hidden, intermediate, mlp_bias) for name in ("gate", "up")]
    )
    block = [
        *(Module(name, others=hidden) for name in rules.norms),
        linear("self_attn.q_proj", hidden, wide, bias),
        linear("self_attn.k_proj", hidden, narrow, bias),
        linear("self_attn.v_proj", hidden, narrow, bias),
        *(Module(f"self_attn.{name}_norm", others=head_dim) for name in ("q", "k") if rules.head_norms),
        linear("self_attn.o_proj", wide, hidden, bias and rules.output_bias),
        *up,
        linear("mlp.down_proj", intermediate, hidden, mlp_bias),
    ]
    return Shape(
        family=family,
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocabulary=int(config["vocab_size"]),
        tied=bool(config.get("tie_word_embeddings", rules.tied)),
        block=tuple(block),
        windows=_windows(rules, config, layers),
    )


def _windows(rules: _Rules, config: Mapping[str, Any], layers: int) -> tuple[int | None, ...]:
    """How far back each block sees; a family that has to ask for a window has none unless it does."""
    window = config.get("sliding_window")
    if window is None or (rules.asks_for_window and not config.get("use_sliding_window")):
        return (None,) * layers
    kinds = config.get("layer_types") or ["sliding_attention"] * layers
    return tuple(int(window) if kind == "sliding_attention" else None for kind in kinds)


@dataclasses.dataclass(frozen=True)
class _Rules:
    """In what the families differ.

    Attributes:
        bias: of query, key and value; None: as the config says. `output_bias`: the same for the output.
        norms: of a block besides those of the heads.
    """

    bias: bool | None = None
    output_bias: bool = True
    head_norms: bool = False
    fused_up: bool = False
    norms: tuple[str, ...] = ("input_layernorm", "post_attention_layernorm")
    tied: bool = False
    asks_for_window: bool = False


_FOUR = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)

_FAMILIES = {
    "qwen3": _Rules(head_norms=True, asks_for_window=True),
    "qwen2": _Rules(bias=True, output_bias=False, asks_for_window=True),
    "llama": _Rules(),
    "mistral": _Rules(bias=False),
    "glm": _Rules(output_bias=False, fused_up=True),
    "glm4": _Rules(
        output_bias=False,
        fused_up=True,
        norms=(
            "input_layernorm",
            "post_attention_layernorm",
            "post_self_attn_layernorm",
            "post_mlp_layernorm",
        ),
    ),
    "gemma": _Rules(tied=True),
    "gemma2": _Rules(norms=_FOUR, tied=True),
    "gemma3_text": _Rules(norms=_FOUR, head_norms=True, tied=True),
}


def _config(family: str, **given: Any) -> dict[str, Any]:
    names = {
        "hidden": "hidden_size",
        "intermediate": "intermediate_size",
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "kv": "num_key_value_heads",
        "vocab": "vocab_size",
        "tied": "tie_word_embeddings",
    }
    return {"model_type": family, **{names.get(key, key): value for key, value in given.items()}}


def _qwen3(hidden: int, intermediate: int, layers: int, heads: int, kv: int, tied: bool) -> dict[str, Any]:
    return _config(
        "qwen3",
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        kv=kv,
        head_dim=128,
        vocab=151936,
        tied=tied,
    )


def _qwen25(hidden: int, intermediate: int, layers: int, heads: int, kv: int, tied: bool) -> dict[str, Any]:
    return _config(
        "qwen2",
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        kv=kv,
        vocab=151936 if hidden < 3584 else 152064,
        tied=tied,
    )


PUBLISHED: dict[str, dict[str, Any]] = {
    "qwen3-0.6b": _qwen3(1024, 3072, 28, 16, 8, True),
    "qwen3-1.7b": _qwen3(2048, 6144, 28, 16, 8, True),
    "qwen3-4b": _qwen3(2560, 9728, 36, 32, 8, True),
    "qwen3-8b": _qwen3(4096, 12288, 36, 32, 8, False),
    "qwen3-14b": _qwen3(5120, 17408, 40, 40, 8, False),
    "qwen3-32b": _qwen3(5120, 25600, 64, 64, 8, False),
    "qwen2.5-0.5b": _qwen25(896, 4864, 24, 14, 2, True),
    "qwen2.5-1.5b": _qwen25(1536, 8960, 28, 12, 2, True),
    "qwen2.5-3b": _qwen25(2048, 11008, 36, 16, 2, True),
    "qwen2.5-7b": _qwen25(3584, 18944, 28, 28, 4, False),
    "qwen2.5-14b": _qwen25(5120, 13824, 48, 40, 8, False),
    "qwen2.5-32b": _qwen25(5120, 27648, 64, 40, 8, False),
    "qwen2.5-72b": _qwen25(8192, 29568, 80, 64, 8, False),
    "llama-3.1-8b": _config(
        "llama", hidden=4096, intermediate=14336, layers=32, heads=32, kv=8, vocab=128256, tied=False
    ),
    "glm-4-9b": _config(
        "glm4",
        hidden=4096,
        intermediate=13696,
        layers=40,
        heads=32,
        kv=2,
        head_dim=128,
        vocab=151552,
        tied=False,
        attention_bias=True,
    ),
}
"""Shapes of public models, by the numbers in their own `config.json`."""
