"""Which examples are learnt from and which are held out, of one data set or of several that are mixed.

A file that does not say how it is split is split here, near duplicates together, so that no letter is
measured on that was learnt from; files that are mixed are split as if they were one.
"""

from __future__ import annotations

import dataclasses
import logging
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from curation import records
from curation.deduplicate.near import find_duplicates
from curation.errors import UsageError
from curation.records import SPLITS
from curation.split import Split, SplitParams
from training import rows as tables
from training.rows import Rows
from training.schema import Recipe, Source

_LOG = logging.getLogger(__name__)


def by_split(
    source: Path,
    recipe: Recipe,
    make: Callable[[Rows, list[str]], list[list[Any]]],
    wanted: Sequence[str] | None,
) -> dict[str, list[Any]]:
    """The examples of each split, in the order of the rows; all three splits are keys.

    Those of `recipe.data.sources` follow: their train examples as often as their weight says, and their
    validation examples; what of them is split off for testing is not used, since only the data themselves are
    measured on.

    Args:
        make: see `training.data.Make`.
        wanted: columns that are read of a run, None for all.

    Raises:
        UsageError: nothing to read or nothing to train on.
        InputError: a row that cannot be used.
    """
    parts = [tables.read(path, wanted) for path in (source, *(Path(s.path) for s in recipe.data.sources))]
    found = [make(part, part.ids()) for part in parts]
    splits = _splits(parts, found, recipe)
    main, *others = (
        _sorted_out(of_rows, of_splits) for of_rows, of_splits in zip(found, splits, strict=True)
    )
    for given, other in zip(recipe.data.sources, others, strict=True):
        named = {
            split: [dataclasses.replace(one, source=given.name) for one in some]
            for split, some in other.items()
        }
        main["train"] += taken(named["train"], given, recipe.seed)
        main["validation"] += named["validation"]
        if unused := len(named["test"]):
            _LOG.warning("%s: %d examples of the split test are not used", given.name, unused)
    if not main["train"]:
        raise UsageError(f"{source}: no row belongs to the split train, there is nothing to learn from")
    return main


def held_out(
    source: Path, make: Callable[[Rows, list[str]], list[list[Any]]], wanted: Sequence[str] | None
) -> list[Any]:
    """The examples to measure a trained model on: those of the split `test`, or all of a source that does not
    say how it is split.

    Raises:
        UsageError: nothing to read, or no row of the split test.
        InputError: a row that cannot be used.
    """
    part = tables.read(source, wanted)
    found = make(part, part.ids())
    splits = part.splits() if part.split else ["test"] * len(found)
    test = _sorted_out(found, splits)["test"]
    if not test:
        raise UsageError(f"{source}: no row belongs to the split test, there is nothing to measure on")
    return test


def taken(train: Sequence[Any], source: Source, seed: int) -> list[Any]:
    """Of a source's train examples as many as it asks for: all of them as often as the weight is whole, and
    of the rest some that the seed draws; in order."""
    wanted = round(source.weight * len(train))
    wanted = min(wanted, source.max_rows or wanted)
    rounds, rest = divmod(wanted, len(train)) if train else (0, 0)
    drawn = np.random.default_rng([seed, zlib.crc32(source.name.encode())]).permutation(len(train))[:rest]
    return [*train] * rounds + [train[place] for place in sorted(drawn.tolist())]


def _sorted_out(of_rows: Sequence[Sequence[Any]], splits: Sequence[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {split: [] for split in SPLITS}
    for split, of_row in zip(splits, of_rows, strict=True):
        found[split] += of_row
    return found


def _splits(parts: Sequence[Rows], found: Sequence[list[list[Any]]], recipe: Recipe) -> list[list[str]]:
    """For each part the split of each row: as it says, else by what is asked in it."""
    asked = [row for part, rows in zip(parts, found, strict=True) if not part.split for row in rows]
    drawn = iter(_leak_free(asked, recipe) if asked else ())
    return [part.splits() if part.split else [next(drawn) for _ in range(len(part))] for part in parts]


def _leak_free(examples: Sequence[Sequence[Any]], recipe: Recipe) -> list[str]:
    """A split per row by what is asked in it: rows that ask nearly the same share one."""
    asked = ["\n".join(_asked(row)) for row in examples]
    # Ranked by content, so that a cluster is named alike in whatever order the rows stand.
    rank = np.empty(len(asked), np.int64)
    rank[sorted(range(len(asked)), key=asked.__getitem__)] = np.arange(len(asked))
    clusters = find_duplicates(asked, rank=rank.tolist()).cluster.tolist()
    groups = [blake2b(asked[best].encode("utf-8", "surrogatepass"), digest_size=16) for best in clusters]
    table = records.table(
        {"id": [str(row) for row in range(len(asked))], "cluster": [group.hexdigest() for group in groups]}
    )
    shares = recipe.data
    params = SplitParams(test=shares.test, validation=shares.validation, seed=recipe.seed)
    splits: list[str] = Split(params).apply(table)["split"].to_pylist()
    return splits


def _asked(row: Sequence[Any]) -> Iterator[str]:
    for example in row:
        for message in example.messages:
            if message["role"] == "user":
                yield message["content"]
