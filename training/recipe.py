"""A training recipe: which model is tuned on which task, how, and what changes on which hardware.

A recipe is a YAML file. Nothing in it is ignored: an unknown key is an error that names the nearest valid
one, and a hardware profile nobody asked for is checked all the same. Reading one needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from curation import shipped
from curation.errors import UsageError
from curation.strict import first_fault, nearest, read_yaml, require_known

TINY = "tiny"
"""The `model.path` of the character model that is made from the train split itself."""

ELSEWHERE = {
    "learning_rate": "lr",
    "lr_scheduler_type": "scheduler",
    "warmup_ratio": "warmup",
    "warmup_steps": "warmup",
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "micro_batch_size",
    "gradient_checkpointing": "activation_checkpointing",
    "save_steps": "save_every",
    "eval_steps": "every",
    "lora_rank": "rank",
    "r": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "lora_target": "targets",
    "target_modules": "targets",
    "use_rslora": "rslora",
    "cutoff_len": "max_length",
    "max_seq_length": "max_length",
    "model_name_or_path": "path",
    "torch_dtype": "dtype",
    "attn_implementation": "attention",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
}
"""What other tools call a key: the error that refuses it names ours."""

_REPLACES = {"path": "revision", "epochs": "max_steps", "max_steps": "epochs"}
"""A key that, given anew, takes another one's old value away: what it said is no longer meant."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class Section(BaseModel):
    """A part of a recipe. An unknown key is an error; a key without a value has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class Description(Section):
    """One text in two languages; a text without a language stands for both."""

    zh: str = ""
    en: str = ""

    @model_validator(mode="before")
    @classmethod
    def _same_in_both(cls, data: Any) -> Any:
        return {"zh": data, "en": data} if isinstance(data, str) else data


class Model(Section):
    """The model that is tuned.

    Attributes:
        path: `tiny`, a directory that transformers saved, or `owner/name` on a hub.
        revision: commit of a model on a hub; without it two runs may tune different weights.
        dtype: `auto` is bf16 where the device has it, else fp32; never fp16 unasked.
        attention: `auto` leaves the choice to transformers.
        trust_remote_code: run Python that comes with the weights.
    """

    path: str = ""
    revision: str | None = None
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    trust_remote_code: bool = False

    @property
    def on_hub(self) -> bool:
        """Whether `path` is an `owner/name` rather than a directory."""
        return bool(_HUB_ID.fullmatch(self.path)) and not Path(self.path).is_dir()

    @model_validator(mode="after")
    def _can_be_loaded(self) -> Model:
        if not self.path:
            raise ValueError(
                "path: say which model to tune: --set model.path=DIR, a directory that transformers saved"
            )
        if self.on_hub and self.revision is None:
            raise ValueError(
                f"path: {self.path} is no directory, so it is a model on a hub: give its commit as revision"
            )
        if self.revision is not None and not self.on_hub:
            raise ValueError("revision: only a model on a hub has one, path names none")
        if self.device == "cpu" and self.dtype == "fp16":
            raise ValueError("dtype: fp16 does not train on a cpu; use fp32 or bf16")
        if self.attention == "flash_attention_2" and (self.device == "cpu" or self.dtype == "fp32"):
            raise ValueError("attention: flash_attention_2 needs a GPU and bf16 or fp16")
        return self


class Chat(Section):
    """How messages become tokens.

    Attributes:
        template: `model` for the tokenizer's own chat template, or a Jinja file.
        loss_on: which answers are learnt from, all of the assistant's or the last one.
    """

    template: str = "model"
    loss_on: Literal["assistant", "last_assistant"] = "assistant"


class Data(Section):
    """Which examples are used.

    Attributes:
        max_length: tokens of an example, template included. A longer one is dropped, never cut.
        max_drop_fraction: a larger share of dropped examples is an error.
        test, validation: shares of a file that does not say how it is split.
    """

    max_length: int = Field(default=2048, ge=16)
    max_drop_fraction: float = Field(default=0.02, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    validation: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _can_be_split(self) -> Data:
        if self.test + self.validation >= 1:
            raise ValueError("test and validation together must be less than 1")
        return self


class Adapter(Section):
    """The LoRA adapter.

    Attributes:
        alpha: the update is scaled by alpha/rank (by alpha/√rank with `rslora`). Default: twice the rank.
        targets: `all-linear` is every linear layer but the output head; or names of layers.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default_factory=lambda data: 2 * data["rank"], ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | list[str] = "all-linear"
    rslora: bool = False

    @field_validator("targets")
    @classmethod
    def _some(cls, targets: str | list[str]) -> str | list[str]:
        if not targets:
            raise ValueError("name at least one layer")
        return targets


class Train(Section):
    """How the adapter is trained.

    Attributes:
        epochs, max_steps: how long; one of the two, 3 epochs where neither is given.
        batch_size: examples per step of the optimiser, whatever the number of devices.
        micro_batch_size: examples at once on one device; smaller needs less memory, the result is the same
            up to rounding.
        warmup: below 1 the share of the steps, else their number.
        activation_checkpointing: compute activations twice instead of keeping them.
        save_every: steps between checkpoints; default: none is saved.
    """

    epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    micro_batch_size: int = Field(default=1, ge=1)
    lr: float = Field(default=1e-4, gt=0)
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(default=0.03, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    activation_checkpointing: bool = False
    save_every: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _some_length(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("epochs") is None and data.get("max_steps") is None:
            return {**data, "epochs": 3.0}
        return data

    @field_validator("warmup")
    @classmethod
    def _share_or_steps(cls, warmup: float) -> float:
        if warmup >= 1 and not warmup.is_integer():
            raise ValueError("below 1 it is a share of the steps, else a whole number of them")
        return warmup

    @model_validator(mode="after")
    def _adds_up(self) -> Train:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps are both given; give one")
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size}"
            )
        return self


class Evaluate(Section):
    """How base and tuned model are measured on the held-out split.

    Attributes:
        every: steps between measurements of the loss on the validation split; default: none.
        batch_size: examples at once.
    """

    every: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)


class Export(Section):
    """What is written besides the adapter.

    Attributes:
        merge: also write the base model with the adapter merged into it.
    """

    merge: bool = False


class Tiny(Section):
    """The shape of the model `tiny`, and how long it is pretrained on the train split.

    Attributes:
        max_length: characters of one pretraining sequence.
    """

    hidden_size: int = Field(default=128, ge=8)
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    kv_heads: int = Field(default=2, ge=1)
    intermediate_size: int = Field(default=384, ge=8)
    steps: int = Field(default=400, ge=1)
    batch_size: int = Field(default=16, ge=1)
    lr: float = Field(default=3e-3, gt=0)
    max_length: int = Field(default=256, ge=16)

    @model_validator(mode="after")
    def _has_a_shape(self) -> Tiny:
        if self.hidden_size % self.heads or self.hidden_size // self.heads % 2:
            raise ValueError(
                f"hidden_size {self.hidden_size} over {self.heads} heads is not an even number per head"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        return self


class Recipe(Section):
    """The content of a recipe file.

    Attributes:
        seed: of the adapter's weights and the order of the examples; the same seed gives the same adapter.
        task: a shipped task template or a YAML file, which turns letters into messages.
        tiny: used with `model.path: tiny` only.
        hardware: partial recipes by name; `load` lays the one it is asked for over the rest.
    """

    schema_: Literal["training/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w.-]+$")
    description: Description = Description()
    seed: int = Field(default=42, ge=0, lt=2**32)
    task: str
    model: Model
    chat: Chat = Chat()
    data: Data = Data()
    adapter: Adapter = Adapter()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    export: Export = Export()
    tiny: Tiny = Tiny()
    hardware: dict[str, dict[str, Any]] = {}

    def resolved(self) -> dict[str, Any]:
        """The recipe as it runs, every default written out, without hardware profiles. `parse` reads it."""
        return self.model_dump(mode="json", by_alias=True, exclude={"hardware"})


def load(name: str, *, hardware: str | None = None, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe by the name of a shipped one or by path, with what the command line changes in it.

    Relative paths in the file are relative to the file, those in `settings` to the working directory.

    Args:
        hardware: name of the profile that is laid over the recipe.
        settings: `a.b=c` each: key `b` of section `a`. They win over the profile.

    Raises:
        UsageError: the recipe is not valid; one line with the place and the nearest valid name.
    """
    path, origin = find(name), Path(name).name
    data = _with_absolute_paths(read_yaml(path), path.parent)
    known = [info.alias or field for field, info in Recipe.model_fields.items()]
    if unknown := next((key for key in data if key not in known), None):  # else told as a fault of a profile
        raise UsageError(f"{origin}: {unknown}: unknown key{nearest(str(unknown), known)}")
    profiles = {
        profile: _with_absolute_paths(overlay, path.parent)
        for profile, overlay in _profiles(data, origin).items()
    }
    for profile, overlay in profiles.items():
        _check_profile(data, overlay, f"{origin}: hardware.{profile}")
    if hardware is not None:
        require_known(hardware, profiles, f"{origin}: --hardware", "profile")
        data = _merged(data, profiles[hardware])
    data = _merged(data, _with_absolute_paths(_overlay(settings), Path.cwd()))
    recipe = parse(data, origin)
    _check_files(recipe, origin)
    return recipe


def parse(data: Mapping[str, Any], origin: str = "recipe") -> Recipe:
    """A recipe from plain data. Files and directories that it names need not exist.

    Raises:
        UsageError: as `load`.
    """
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{origin}: {first_fault(error, Recipe, ELSEWHERE)}") from None


def names() -> list[str]:
    """Names of the shipped training recipes."""
    return sorted(path.parent.name for path in (shipped.folder() / "training").glob("*/recipe.yaml"))


def find(name: str) -> Path:
    """The file of a shipped recipe, or the path itself if it names a YAML file.

    Raises:
        UsageError: there is neither.
    """
    if own := shipped.own_file(name):
        return own
    if name not in names():
        raise UsageError(f"{name}: neither a YAML file nor a shipped training recipe{nearest(name, names())}")
    return shipped.folder() / "training" / name / "recipe.yaml"


def _profiles(data: Mapping[str, Any], origin: str) -> dict[str, dict[str, Any]]:
    profiles = data.get("hardware") or {}
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise UsageError(f"{origin}: hardware: write a name and below it the keys that change")
    for name, overlay in profiles.items():
        if "hardware" in overlay:
            raise UsageError(f"{origin}: hardware.{name}: a profile has no profiles of its own")
    return profiles


def _check_profile(data: dict[str, Any], overlay: dict[str, Any], origin: str) -> None:
    """A profile may leave it to the user which model is tuned; all the rest must be in order."""
    merged = _merged(data, overlay)
    model = merged.get("model")
    if isinstance(model, dict) and model.get("path") is None:
        merged = {**merged, "model": {**model, "path": TINY}}
    parse(merged, origin)


def _overlay(settings: Sequence[str]) -> dict[str, Any]:
    """What `--set` asks for, as a partial recipe."""
    overlay: dict[str, Any] = {}
    for setting in settings:
        path, separator, text = setting.partition("=")
        *above, key = path.split(".")
        if not separator or not all((*above, key)):
            raise UsageError(f"--set {setting}: write section.key=value, for example --set train.lr=2e-4")
        if path.startswith("hardware"):
            raise UsageError(f"--set {path}: set the key itself, it wins over every profile")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(f"--set {path}: the value is not valid YAML") from None
        section = overlay
        for part in above:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise UsageError(f"--set {path}: {part} is set to a value already")
        section[key] = value
    return overlay


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, section by section."""
    replaced = {_REPLACES[key] for key in above if key in _REPLACES}
    merged = {key: value for key, value in below.items() if key not in replaced}
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _with_absolute_paths(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths of a recipe, or of a part of one, taken as relative to `folder`."""
    data = dict(data)
    for section, key in (("model", "path"), ("chat", "template")):
        if isinstance(data.get(section), dict):
            data[section] = dict(data[section])
            _make_absolute(data[section], key, folder)
    _make_absolute(data, "task", folder)
    return data


def _make_absolute(section: dict[str, Any], key: str, folder: Path) -> None:
    value = section.get(key)
    if not isinstance(value, str):
        return
    path = folder / Path(value).expanduser()
    named = {
        "path": value == TINY or (_HUB_ID.fullmatch(value) and not path.is_dir()),
        "template": value == "model",
        "task": path.suffix not in (".yaml", ".yml"),
    }
    if not named[key]:
        section[key] = str(path.resolve())


def _check_files(recipe: Recipe, origin: str) -> None:
    """Refuse a recipe that names what is not there, before data are read for it."""
    task = Path(recipe.task)
    if task.suffix not in (".yaml", ".yml"):
        require_known(recipe.task, shipped.names("tasks"), f"{origin}: task", "task")
    elif not task.is_file():
        raise UsageError(f"{origin}: task: {task}: no such file")
    if recipe.chat.template != "model" and not Path(recipe.chat.template).is_file():
        raise UsageError(f"{origin}: chat.template: {recipe.chat.template}: no such file")
    model = recipe.model
    if model.path != TINY and not model.on_hub and not (Path(model.path) / "config.json").is_file():
        raise UsageError(
            f"{origin}: model.path: {model.path}: no model there; give a directory that transformers saved"
        )
