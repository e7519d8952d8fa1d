"""Where the recipes, policies and taxonomies that come with govtune lie, in a clone and in a wheel alike."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from curation.errors import UsageError
from curation.strict import nearest


def folder() -> Path:
    """The folder `recipes/`: inside the installed `govtune` package, or at the root of a clone."""
    found = importlib.util.find_spec("govtune")
    if found is not None and found.origin is not None:
        installed = Path(found.origin).parent / "recipes"
        if installed.is_dir():
            return installed
    return Path(__file__).parent.parent / "recipes"


def names(kind: str) -> list[str]:
    """Names of the shipped files of a kind: `curation`, `policies`, `taxonomies`."""
    return sorted(path.stem for path in (folder() / kind).glob("*.yaml"))


def own_file(name: str) -> Path | None:
    """The path if `name` is that of a YAML file, None if it is the name of something shipped.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return None
    if not path.is_file():
        raise UsageError(f"{name}: no such file")
    return path


def find(kind: str, name: str) -> Path:
    """The shipped file `name` of a kind, or the path itself if it names a YAML file.

    Raises:
        UsageError: there is neither.
    """
    if own := own_file(name):
        return own
    shipped = folder() / kind / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    raise UsageError(f"{name}: neither a YAML file nor shipped{nearest(name, names(kind))}")
