"""Which files of a folder are a data set, in which split, and what the folder states about them.

Splits are found as `datasets` finds them, by its own code: `data_files` of a configuration in the card, else
file and folder names. A folder of `Dataset.save_to_disk` says itself what its files are.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from curation.errors import InputError, UsageError
from curation.run import LOCK, MANAGED
from data_cards import roles
from data_cards.readers import SUFFIXES, Format

CARD = "README.md"
ORIGINAL = "README.original.md"
"""The card that stood in a folder before ours took its place; it still says what it said about the data."""

MARK = re.compile(r"^<!-- govtune card (zh|en) -->$", re.MULTILINE)
"""What a card of ours says about itself."""

_SAVED, _SAVED_SPLITS = "state.json", "dataset_dict.json"
_INFO = "dataset_info.json"
_OURS = frozenset({*MANAGED, "card.yaml", ORIGINAL})
_NOT_DATA = frozenset({_INFO, "dataset_infos.json", _SAVED, _SAVED_SPLITS, "config.json"})


@dataclasses.dataclass(frozen=True)
class Found:
    """The data files of each split.

    Attributes:
        features: names of the classes of columns that hold numbers of classes.
        config: which configuration it is, where the card names several.
        license: as the folder states it.
    """

    format: Format
    files: dict[str, list[Path]]
    features: dict[str, list[str]]
    config: str | None
    license: str | None


def find(folder: Path, config: str | None) -> Found:
    """The data set in a folder.

    Raises:
        UsageError: no such folder, nothing in it that can be read, or several configurations of which none
            was named.
        InputError: a file that describes the data cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    stated = _front_matter(folder)
    info = _json(folder / _INFO)
    if (folder / _SAVED).is_file() or (folder / _SAVED_SPLITS).is_file():
        files = _saved(folder)
        info = info or _json(next(iter(files.values()))[0].parent / _INFO)
        return Found("arrow", files, _classes(info, stated, None), None, _license(info, stated))
    chosen, patterns = _patterns(folder, stated, config)
    files, kind = _matching(folder, patterns)
    return Found(kind, files, _classes(info, stated, chosen), chosen, _license(info, stated))


def is_ours(card: Path) -> bool:
    """Whether a card was written by govtune; no file is nobody's."""
    try:
        return bool(MARK.search(card.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


def _front_matter(folder: Path) -> dict[str, Any]:
    """What the folder's own card states; ours states nothing that was not measured."""
    cards = (folder / name for name in (ORIGINAL, CARD))
    path = next((card for card in cards if card.is_file() and not is_ours(card)), None)
    if path is None:
        return {}
    try:
        head = re.match(r"\s*---\r?\n(.*?)\r?\n---", path.read_text(encoding="utf-8-sig"), re.DOTALL)
        stated = yaml.safe_load(head[1]) if head else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise InputError("the front matter is not YAML in UTF-8", file=path.name) from None
    return stated if isinstance(stated, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError):
        raise InputError("is not JSON", file=path.name) from None
    return value if isinstance(value, dict) else {}


def _saved(folder: Path) -> dict[str, list[Path]]:
    """The files of `save_to_disk` of a data set, or of one with splits."""
    if (folder / _SAVED_SPLITS).is_file():
        names = [str(name) for name in _json(folder / _SAVED_SPLITS).get("splits", [])]
        folders = {name: folder / name for name in names}
    else:
        folders = {str(_json(folder / _SAVED).get("_split") or "train"): folder}
    files = {}
    for split, place in folders.items():
        try:
            listed = [place / str(each["filename"]) for each in _json(place / _SAVED)["_data_files"]]
        except (KeyError, TypeError):
            raise InputError("does not name the data files", file=f"{place.name}/{_SAVED}") from None
        for path in listed:
            if not path.is_file():
                raise InputError(f"is missing, but {_SAVED} names it", file=f"{place.name}/{path.name}")
        files[split] = listed
    if not any(files.values()):
        raise UsageError(f"{folder}: a saved data set without a data file")
    return files


def _patterns(
    folder: Path, stated: Mapping[str, Any], config: str | None
) -> tuple[str | None, Mapping[str, Sequence[str]]]:
    """Patterns of file names by split: of the configuration that was asked for, else as names tell."""
    from datasets.data_files import EmptyDatasetError, get_data_patterns, sanitize_patterns

    named = [one for one in stated.get("configs") or [] if isinstance(one, dict) and "config_name" in one]
    configs = {str(one["config_name"]): one for one in named}
    if config is not None and config not in configs:
        raise UsageError(f"{folder}: no configuration {config}; valid are {', '.join(configs) or 'none'}")
    if config is None and len(configs) > 1:
        raise UsageError(f"{folder}: several configurations; choose with --config: {', '.join(configs)}")
    chosen = configs.get(config) if config else next(iter(configs.values()), None)
    try:
        if chosen and "data_files" in chosen:
            said = chosen["data_files"]
            if isinstance(said, list) and all(isinstance(one, dict) for one in said):
                return config, {str(one["split"]): _listed(one["path"]) for one in said}
            return config, sanitize_patterns(said)
        inside = folder / str(chosen["data_dir"]) if chosen and "data_dir" in chosen else folder
        found = get_data_patterns(str(inside.resolve()))
        where = "" if inside == folder else f"{chosen['data_dir']}/" if chosen else ""
        return config, {split: [where + each for each in patterns] for split, patterns in found.items()}
    except (EmptyDatasetError, KeyError, ValueError, TypeError):
        raise UsageError(f"{folder}: no data files in it") from None


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _matching(folder: Path, patterns: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[Path]], Format]:
    """The files of each split, and their format.

    Raises:
        UsageError: no file that can be read, or several formats.
    """
    from datasets.data_files import DataFilesList

    base = folder.resolve()
    files: dict[str, list[Path]] = {}
    for split, wanted in patterns.items():
        try:
            found = DataFilesList.from_patterns(list(wanted), str(base), list(SUFFIXES))
        except FileNotFoundError:
            continue
        inside = [Path(each).relative_to(base) for each in found if Path(each).is_relative_to(base)]
        kept = [
            path for path in inside if path.parts[0] not in _OURS - {"data"} and path.name not in _NOT_DATA
        ]
        for path in kept:
            _refuse_run(folder, path)
        if kept:
            files[str(split)] = [folder / path for path in kept]
    formats = Counter(SUFFIXES[path.suffix.lower()] for paths in files.values() for path in paths)
    if not formats:
        raise UsageError(f"{folder}: no data files in it; readable are {', '.join(SUFFIXES)}")
    if len(formats) > 1:
        raise UsageError(
            f"{folder}: files of several formats ({', '.join(sorted(formats))}); keep one of them"
        )
    return files, next(iter(formats))


def _refuse_run(folder: Path, path: Path) -> None:
    """A folder of runs is no data set, and what lies in a private folder is never read as one."""
    for above in path.parents[:-1]:
        if above.name.endswith(".private") or (folder / above / LOCK).exists():
            raise UsageError(
                f"{folder}: holds the run {above.name.removesuffix('.private')}; name that folder"
            )


def _classes(info: Mapping[str, Any], stated: Mapping[str, Any], config: str | None) -> dict[str, list[str]]:
    """Names of classes, as `dataset_info.json` and the front matter of a card write them."""
    features = info.get("features")
    names = dict(roles.class_names(features)) if isinstance(features, dict) else {}
    said = stated.get("dataset_info")
    infos = [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, dict)]
    for one in infos:
        if config is None or one.get("config_name") == config:
            for feature in one.get("features") or []:
                classes = (feature.get("dtype") or {}) if isinstance(feature, dict) else {}
                if isinstance(classes, dict) and isinstance(classes.get("class_label"), dict):
                    given = classes["class_label"].get("names") or {}
                    names[str(feature["name"])] = [str(given[key]) for key in sorted(given, key=int)]
    return names


def _license(info: Mapping[str, Any], stated: Mapping[str, Any]) -> str | None:
    """The licence of the whole data set, if it is stated."""
    said = stated.get("license") or info.get("license")
    if said == "other":
        said = stated.get("license_name") or said
    if isinstance(said, list):
        said = ", ".join(map(str, said))
    return str(said) if said and str(said).lower() not in ("unknown", "none") else None
