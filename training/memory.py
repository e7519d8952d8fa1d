"""How much memory a training takes on one device, term by term, from shape and recipe alone.

What autograd keeps of a block was found by counting the tensors that are alive while transformers' models are
trained, which a test repeats; what the loss takes follows from how `training.answers` computes it. Nothing is
fitted to a published figure, so those can be compared with it.
"""

from __future__ import annotations

import dataclasses
import math

from training import shape as shapes
from training.schema import Checkpointing, Recipe
from training.shape import EMBEDDING, HEAD, Shape

GB = 1e9

LOGIT_BYTES = 12
"""Per logit at the peak, the backward pass of the loss: its log-probability and two gradients of 32 bits."""

CONTEXT = (0.5, 0.9, 1.5)
"""GB that a GPU's driver and libraries take before the first tensor: low, expected, high."""

PROCESS = (0.45, 0.6, 0.9)
"""GB of Python with torch and transformers, on a CPU."""

FRAGMENTS = (0.0, 0.03, 0.1)
"""Share of what comes and goes that the allocator cannot use: low, expected, high."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What one device computes at once.

    Attributes:
        tokens: of all rows, padding included; `supervised` of them have logits.
        length: of a row.
    """

    tokens: int
    supervised: int
    length: int


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes on one device at the peak.

    Attributes:
        weights: of the model, as they are held.
        trained: what belongs to the trained parameters: gradients, optimiser, and an adapter's own weights.
        activations: what the forward pass keeps for the backward pass.
        logits: of the tokens that are learnt, with their gradients.
        overhead: driver, libraries and fragments; low, expected and high.
    """

    weights: float
    trained: float
    activations: float
    logits: float
    overhead: tuple[float, float, float]

    @property
    def allocated(self) -> float:
        """What torch itself counts (`max_memory_allocated`): all but the overhead."""
        return self.weights + self.trained + self.activations + self.logits

    @property
    def totals(self) -> tuple[float, float, float]:
        """Low, expected and high."""
        low, expected, high = (self.allocated + each for each in self.overhead)
        return low, expected, high

    def as_json(self) -> dict[str, float]:
        """Every term, and the totals."""
        terms = {name: getattr(self, name) for name in ("weights", "trained", "activations", "logits")}
        totals = dict(zip(("low", "expected", "high"), self.totals, strict=True))
        return {**terms, "allocated": self.allocated, **totals}


def needed(shape: Shape, recipe: Recipe, load: Load, *, devices: int = 1, labels: int = 0) -> Memory:
    """The memory of a training on each of its devices.

    Args:
        labels: of a classification head.
    """
    size, sharded = _bytes(recipe), devices if recipe.train.distributed in ("fsdp2", "zero3") else 1
    trainable = shapes.trainable(shape, recipe.adapter, recipe.objective, labels)
    whole = recipe.adapter.type == "none"
    weights = _weights(shape, recipe, size)
    spread = devices if recipe.train.distributed in ("fsdp2", "zero2", "zero3") else 1
    # An adapter is held in 32 bits whatever the base is; a whole model is trained in its own format.
    own = size if whole else 4
    states = 2 * own if recipe.train.optimiser == "adamw" else 2
    held = 0 if whole else own * trainable / sharded
    trained = held + (own + states) * trainable / spread
    block, passing = _saved(shape, recipe, size), _passing(shape, size)
    kept, again = _checkpointed(shape, recipe, block, size)
    gathered = 2 * _largest_block(shape) * size if sharded > 1 else 0.0
    logits = _logits(shape, recipe, load)
    eager = _eager(shape, recipe, load, size)
    # The loss is at its largest before the first block is gone back through, so only one of both counts.
    coming = max(logits, load.tokens * (again + passing) + eager)
    activations = load.tokens * kept + coming - logits + gathered
    fleeting = load.tokens * kept + coming
    fixed = PROCESS if recipe.model.device == "cpu" else CONTEXT
    low, expected, high = (
        start * GB + share * fleeting for start, share in zip(fixed, FRAGMENTS, strict=True)
    )
    return Memory(weights / sharded, trained, activations, logits, (low, expected, high))


def _bytes(recipe: Recipe) -> int:
    """Of a weight. `auto` is 16 bits on a GPU; of a model that is loaded `fitting.resolved` knows better."""
    model = recipe.model
    on_cpu = model.device == "cpu"
    return 4 if model.dtype == "fp32" or (model.dtype == "auto" and on_cpu) else 2


def _weights(shape: Shape, recipe: Recipe, size: int) -> float:
    parameters = shape.parameters
    if recipe.objective in ("seq_cls", "token_cls") and not shape.tied:
        parameters -= shape.hidden * shape.vocabulary  # their base has no head
    asked = recipe.model.quantisation
    if asked is None:
        return float(parameters * size)
    # A scale of 32 bits for each 64 weights, or, quantised again, of 8 bits with one of 32 for each 256.
    scale = (1 / 64 + 4 / (64 * 256)) if asked.double else 4 / 64
    each = 0.5 + scale if asked.bits == 4 else 1.0
    # Whatever is not quantised is held in 32 bits: peft's preparation for such training makes it so.
    return shape.block_matrices * each + (parameters - shape.block_matrices) * 4


def _saved(shape: Shape, recipe: Recipe, size: int) -> float:
    """Bytes per token that autograd keeps of one block."""
    hidden, middle = shape.hidden, shape.intermediate
    wide, narrow = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    norms = sum(module.others == hidden and not module.is_matrix for module in shape.block)
    normed = wide + narrow if any("q_norm" in module.name for module in shape.block) else 0
    if recipe.adapter.type == "none":
        # 16 bits: norms compute in 32 and keep what they have computed; each input is kept once.
        own = 2 * norms * hidden + 2 * normed if size == 2 else 0
        inside = (2 * norms + 2) * hidden + 4 * middle + 3 * wide + 4 * narrow
        return own + size * inside + 2 * normed
    if size == 4:
        return 4.0 * (2 * norms * hidden + 4 * middle + 2 * wide + 2 * narrow + normed)
    # The norms and those of the heads in 32 bits, query, key, value, their result, and what the gate needs;
    # then for each adapted layer a copy of its input, and the adapter's own narrow one.
    base = 4 * norms * hidden + 6 * middle + 4 * normed + 4 * wide + 4 * narrow
    adapted = [
        module
        for module in shape.matrices
        if shapes.is_target(f"model.layers.0.{module.name}", recipe.adapter)
        or shapes.is_target(f"model.layers.{shape.layers - 1}.{module.name}", recipe.adapter)
    ]
    each = 2 if recipe.adapter.type == "lora" else 4  # DoRA keeps the unadapted result too
    inputs = sum(2 * module.fan_in + (each - 2) * module.fan_out for module in adapted)
    dropped = sum(module.fan_in for module in adapted) if recipe.adapter.dropout else 0
    return float(base + inputs + dropped + 2 * recipe.adapter.rank * len(adapted))


def _passing(shape: Shape, size: int) -> float:
    """Bytes per token that come and go while one block is gone back through."""
    return float(size * (3 * shape.intermediate + 2 * shape.hidden))


def _checkpointed(shape: Shape, recipe: Recipe, block: float, size: int) -> tuple[float, float]:
    """Bytes per token that are kept of all blocks, and that are computed again while one is gone back
    through."""
    asked = recipe.train.activation_checkpointing
    if not asked:
        return shape.layers * block, 0.0
    every = asked.every_n_layers if isinstance(asked, Checkpointing) else 1
    again = shape.layers // every
    edge = 0 if isinstance(asked, Checkpointing) and asked.offload else shape.hidden * size
    return again * edge + (shape.layers - again) * block, block


def _logits(shape: Shape, recipe: Recipe, load: Load) -> float:
    if recipe.objective in ("seq_cls", "token_cls"):
        return 0.0
    if recipe.train.kernels != "liger":
        return float(load.supervised * shape.vocabulary * LOGIT_BYTES)
    # Liger takes so many tokens at once that their logits are about as large as the hidden states.
    parts = math.ceil(shape.vocabulary / shape.hidden)
    chunk = 2 ** math.ceil(math.log2(max(1, load.tokens / parts)))
    return float(chunk * shape.vocabulary * LOGIT_BYTES + load.tokens * shape.hidden * 2)


def _eager(shape: Shape, recipe: Recipe, load: Load, size: int) -> float:
    """Scores of every pair of tokens, which only plain attention holds: as they are and twice in 32 bits."""
    if recipe.model.attention != "eager":
        return 0.0
    return float(load.tokens * load.length * shape.heads * (8 + size))


def _largest_block(shape: Shape) -> int:
    """Parameters that sharding gathers on every device before they are used: a block, or the head."""
    matrices = dict(shape.modules())
    block = sum(module.parameters for module in shape.block)
    return max(block, matrices.get(HEAD, matrices[EMBEDDING]).parameters)
