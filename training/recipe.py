"""A training recipe: which model is tuned on which task, how, and what changes on which hardware.

A recipe is a YAML file; `training.schema` says what its keys mean. Nothing in it is ignored: an unknown key
is an error that names the nearest valid one, and lines for a machine that nobody asked for are checked all
the same. Reading one needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from curation import shipped
from curation.errors import UsageError
from curation.strict import first_fault, nearest, read_yaml, require_known
from training import hardware as profiles
from training.schema import HUB_ID, TINY, Recipe

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
    "quantization": "quantisation",
    "load_in_4bit": "quantisation",
    "optim": "optimiser",
    "optimizer": "optimiser",
    "use_dora": "type",
    "init_lora_weights": "init",
    "use_liger_kernel": "kernels",
    "enable_thinking": "thinking",
    "early_stopping_patience": "early_stop",
    "load_best_model_at_end": "best",
    "report_to": "to",
    "neftune_noise_alpha": "neftune_alpha",
    "resume_from": "continue_from",
}
"""What other tools call a key: the error that refuses it names ours."""

_REPLACES = {"path": "revision", "epochs": "max_steps", "max_steps": "epochs"}
"""A key that, given anew, takes another one's old value away: what it said is no longer meant."""

_OF_THE_FILE = ("extends", "hardware")
"""Keys that a file has and a recipe that runs has not: they are worked in when it is read."""


def load(name: str, *, hardware: str | None = None, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe by the name of a shipped one or by path, with what the command line changes in it.

    Relative paths in the file are relative to the file, those in `settings` to the working directory. What is
    laid over what: the recipe it `extends`, the recipe, the hardware profile, the recipe's own lines for this
    profile, `settings`.

    Args:
        hardware: name of a profile, shipped or of the recipe's own, or a profile's YAML file.
        settings: `a.b=c` each: key `b` of section `a`.

    Raises:
        UsageError: the recipe is not valid; one line with the place and the nearest valid name.
    """
    origin = Path(name).name
    data, own = _read(name)
    if hardware is not None:
        data = _merged(_merged(data, _profile(hardware, own, origin)), own.get(hardware, {}))
    data = _merged(data, _with_absolute_paths(_overlay(settings), Path.cwd()))
    recipe = parse(data, origin)
    _check_files(recipe, origin)
    return recipe


def check(name: str) -> None:
    """Refuse a recipe file that is not valid, whichever model and hardware it is used with.

    Raises:
        UsageError: as `load`.
    """
    _read(name)


def parse(data: Mapping[str, Any], origin: str = "recipe") -> Recipe:
    """A recipe from plain data. Files and directories that it names need not exist.

    Raises:
        UsageError: as `load`.
    """
    try:
        return Recipe.model_validate({"model": {}, **data})  # so that it says what a model is missing
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


def _read(name: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A recipe's data and its own lines by hardware profile; checked, each with each."""
    path, origin = find(name), Path(name).name
    data = read_yaml(path)
    known = [info.alias or field for field, info in Recipe.model_fields.items()]
    if unknown := next((key for key in data if key not in (*known, *_OF_THE_FILE)), None):
        raise UsageError(f"{origin}: {unknown}: unknown key{nearest(str(unknown), [*known, *_OF_THE_FILE])}")
    own = {
        profile: _with_absolute_paths(overlay, path.parent) for profile, overlay in _own(data, origin).items()
    }
    below = data.get("extends")
    data = _with_absolute_paths(
        {key: value for key, value in data.items() if key not in _OF_THE_FILE}, path.parent
    )
    if below is not None:
        data, own = _extended(str(below), data, own, path, origin)
    _check_with_some_model(data, origin)
    for profile, overlay in own.items():
        laid = _merged(_merged(data, _profile(profile, own, origin)), overlay)
        _check_with_some_model(laid, f"{origin}: hardware.{profile}")
    return data, own


def _own(data: Mapping[str, Any], origin: str) -> dict[str, dict[str, Any]]:
    own = data.get("hardware") or {}
    if not isinstance(own, dict) or not all(isinstance(each, dict) for each in own.values()):
        raise UsageError(f"{origin}: hardware: write a name and below it the keys that change")
    for name, overlay in own.items():
        if "hardware" in overlay:
            raise UsageError(f"{origin}: hardware.{name}: a profile has no profiles of its own")
    return own


def _extended(
    below: str, data: dict[str, Any], own: dict[str, dict[str, Any]], path: Path, origin: str
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The recipe laid over the one it extends; one level, so that two files tell the whole story."""
    name = str(path.parent / below) if Path(below).suffix in (".yaml", ".yml") else below
    file = find(name)
    lower = read_yaml(file)
    if "extends" in lower:
        raise UsageError(f"{origin}: extends: {below} extends another recipe itself; name that one")
    theirs = {
        each: _with_absolute_paths(overlay, file.parent) for each, overlay in _own(lower, below).items()
    }
    lower = _with_absolute_paths(
        {key: value for key, value in lower.items() if key != "hardware"}, file.parent
    )
    return _merged(lower, data), _merged(theirs, own)


def _profile(name: str, own: Mapping[str, Any], origin: str) -> Mapping[str, Any]:
    """What a profile says; nothing where only the recipe itself knows it."""
    if profiles.is_profile(name):
        return profiles.load(name).recipe
    require_known(name, [*profiles.names(), *own], f"{origin}: --hardware", "profile")
    return {}


def _check_with_some_model(data: dict[str, Any], origin: str) -> None:
    """It may be left to the user which model is tuned; all the rest must be in order."""
    model = data.get("model", {})
    if isinstance(model, dict) and model.get("path") is None:
        data = {**data, "model": {**model, "path": TINY}}
    parse(data, origin)


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

    def absolute(value: Any, named: Callable[[str], bool] = lambda _: False) -> Any:
        return value if not isinstance(value, str) or named(value) else str(_under(folder, value))

    def within(section: str, key: str, change: Callable[[Any], Any]) -> None:
        if isinstance(data.get(section), dict) and key in data[section]:
            data[section] = {**data[section], key: change(data[section][key])}

    if "task" in data:
        data["task"] = absolute(data["task"], lambda name: Path(name).suffix not in (".yaml", ".yml"))
    within("model", "path", lambda path: absolute(path, lambda name: _names_a_model(name, folder)))
    within("chat", "template", lambda path: absolute(path, lambda name: name == "model"))
    within("adapter", "continue_from", absolute)
    within("data", "unlabelled", lambda paths: [absolute(each) for each in _list(paths)])
    within("data", "sources", lambda sources: [_source(each, absolute) for each in _list(sources)])
    return data


def _names_a_model(name: str, folder: Path) -> bool:
    return name in ("", TINY) or bool(HUB_ID.fullmatch(name) and not _under(folder, name).is_dir())


def _source(given: Any, absolute: Callable[[Any], Any]) -> Any:
    return (
        {**given, "path": absolute(given["path"])} if isinstance(given, dict) and "path" in given else given
    )


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _under(folder: Path, path: str) -> Path:
    return (folder / Path(path).expanduser()).resolve()


def _check_files(recipe: Recipe, origin: str) -> None:
    """Refuse a recipe that names what is not there, before data are read for it."""
    if recipe.task is not None:
        task = Path(recipe.task)
        if task.suffix not in (".yaml", ".yml"):
            require_known(recipe.task, shipped.names("tasks"), f"{origin}: task", "task")
        elif not task.is_file():
            raise UsageError(f"{origin}: task: {task}: no such file")
    if recipe.chat.template != "model" and not Path(recipe.chat.template).is_file():
        raise UsageError(f"{origin}: chat.template: {recipe.chat.template}: no such file")
    for path in recipe.data.unlabelled:
        if not Path(path).is_file():
            raise UsageError(f"{origin}: data.unlabelled: {path}: no such file")
    for source in recipe.data.sources:
        if not Path(source.path).exists():
            raise UsageError(f"{origin}: data.sources: {source.path}: no such run or file")
    model, adapter = recipe.model, recipe.adapter.continue_from
    if model.path != TINY and not model.on_hub and not (Path(model.path) / "config.json").is_file():
        raise UsageError(
            f"{origin}: model.path: {model.path}: no model there; give a directory that transformers saved"
        )
    if adapter is not None and not (Path(adapter) / "adapter_config.json").is_file():
        raise UsageError(f"{origin}: adapter.continue_from: {adapter}: no adapter there")
