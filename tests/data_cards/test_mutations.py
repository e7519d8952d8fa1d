"""Two hundred random edits of a real run: the check finds every one, also those after which every digest,
number and text agrees with the edited data again."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from curation import Run, curate, load, parquet
from curation.errors import UsageError
from curation.files import canonical_json, sha256
from curation.recipe import Recipe
from curation.run import LOCK, describe
from curation.samples import generate
from data_cards.answers import read as read_answers
from data_cards.check import CheckResult, check
from data_cards.facts import Facts
from data_cards.metrics import Metrics
from data_cards.outputs import METRICS, build, outputs, write

EACH = 100
"""Naive edits, and as many forged ones."""

BATCH = 10

STAGES: list[dict[str, Any]] = [
    {"clean": {}},
    {"screen": {}},
    {"deduplicate": {"threshold": 0.8}},
    {"anonymise": {"policy": "letters", "names": "none"}},
    {"label": {"taxonomy": "letters"}},
    {"split": {"by": "cluster", "test": 0.1, "validation": 0.1}},
]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Run:
    base = tmp_path_factory.mktemp("mutations")
    generate(base / "sample", records=50)
    inputs = [base / "sample" / "data" / name for name in ("领导信箱.jsonl", "社区诉求台账.csv")]
    recipe = load("letters").model_dump(by_alias=True) | {"stages": STAGES}
    curate(Recipe.model_validate(recipe), inputs, base / "run", card=build)
    return Run(base / "run")


@pytest.fixture
def copy(original: Run, tmp_path: Path) -> Callable[[int], Run]:
    """A copy of the run to edit; the partitions, which nobody edits here, are linked."""

    def copied(number: int) -> Run:
        run = Run(tmp_path / str(number) / "run")
        shutil.copytree(original.folder, run.folder)
        linked = original.private / "partitions"
        shutil.copytree(original.private, run.private, ignore=lambda folder, _: ["partitions"])
        shutil.copytree(linked, run.private / "partitions", copy_function=os.link)
        return run

    return copied


def checked(run: Run) -> CheckResult:
    return check(run.folder, run.private)


def is_found(run: Run) -> bool:
    """Whether the check says that something is wrong; a lock that is none any more is refused."""
    try:
        return bool(checked(run).problems)
    except UsageError:
        return True


def test_an_untouched_run_and_its_copy_elsewhere_are_true(original: Run, copy: Callable[[int], Run]) -> None:
    for run in (original, copy(0)):
        result = checked(run)
        assert (result.problems, result.notes) == ([], [])


@pytest.mark.parametrize("cpus, locale, zone", [("1", "C", "UTC"), ("3", "C.UTF-8", "Asia/Shanghai")])
def test_neither_processors_nor_locale_change_the_answer(
    original: Run, cpus: str, locale: str, zone: str
) -> None:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": cpus,
        "LC_ALL": locale,
        "TZ": zone,
        "PYTHONHASHSEED": cpus,
    }
    command = [sys.executable, "-m", "govtune", "card", "check", str(original.folder)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("batch", range(EACH // BATCH))
def test_naive_edits_are_found(copy: Callable[[int], Run], batch: int) -> None:
    missed = []
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        run = copy(seed)
        said = naive(run, random.Random(seed))
        if not is_found(run):
            missed.append(f"{seed}: {said}")
    assert missed == []


@pytest.mark.parametrize("batch", range(EACH // BATCH))
def test_forged_edits_are_found(copy: Callable[[int], Run], batch: int) -> None:
    missed = []
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        run = copy(seed)
        said = forged(run, random.Random(1_000_000 + seed))
        if not is_found(run):
            missed.append(f"{seed}: {said}")
    assert missed == []


def test_edits_reach_every_file_that_is_written(copy: Callable[[int], Run]) -> None:
    run = copy(0)
    reached = {said for seed in range(EACH) if (said := target(run, random.Random(seed)))}
    assert reached >= {*texts(run), *(path.name for path in run.data), "ledger", "pii"}


def target(run: Run, chance: random.Random) -> str:
    """What a naive edit is made on: a text, a data file, the ledger or the findings."""
    names = [*(path.name for path in run.data), "ledger", "pii", *texts(run)]
    return chance.choices(names, [3] * len(run.data) + [5, 5] + [2] * len(texts(run)))[0]


def texts(run: Run) -> list[str]:
    """Everything that the card consists of, and the lock."""
    public = [path for path in run.folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    private = [run.private / name for name in ("report.html",) if (run.private / name).exists()]
    return sorted(str(path.relative_to(run.folder.parent)) for path in [*public, *private])


def naive(run: Run, chance: random.Random) -> str:
    name = target(run, chance)
    if name in texts(run):
        path = run.folder.parent / name
        before = path.read_text(encoding="utf-8")
        after = edit_json(before, chance) if name.endswith(METRICS) else edit_text(before, chance)
        assert after != before
        path.write_text(after, encoding="utf-8")
        return name
    return f"{name}: {edit_table(table_of(run, name), chance)}"


def forged(run: Run, chance: random.Random) -> str:
    """An edit after which everything was made anew from what was edited, and every digest patched."""
    kind = chance.choice(("data", "data", "ledger", "pii", "numbers", "numbers"))
    if kind == "numbers":
        return forge_numbers(run, chance)
    path = chance.choice(run.data) if kind == "data" else table_of(run, kind)
    said = edit_table(path, chance)
    lock = run.lock()
    lock["files"] = {f"data/{each.name}": describe(each) for each in run.data}
    fates = [fate for each in run.ledger for fate in parquet.read(each, ["fate"])["fate"].to_pylist()]
    lock["records"] = {fate: fates.count(fate) for fate in lock["records"]}
    (run.folder / LOCK).write_text(canonical_json(lock), encoding="utf-8")
    review = json.loads((run.private / "review.json").read_bytes())
    review["lock"] = sha256(run.folder / LOCK)
    (run.private / "review.json").write_text(canonical_json(review), encoding="utf-8")
    build(run.folder, run.private)
    return f"{kind}: {said}"


def forge_numbers(run: Run, chance: random.Random) -> str:
    """A number that is another in the metrics, the card, its figures and all that is made from them."""
    before = (run.folder / METRICS).read_text(encoding="utf-8")
    metrics = Metrics.model_validate_json(edit_json(before, chance)).model_dump(by_alias=True)
    assert canonical_json(metrics) != before
    facts = Facts(metrics, run.lock(), read_answers(run.folder))
    write(run.folder, outputs(facts, "zh"))
    return "numbers"


def table_of(run: Run, name: str) -> Path:
    folder = run.private / name if name in ("ledger", "pii") else run.folder / "data"
    return next(path for path in folder.glob("*.parquet") if name in ("ledger", "pii", path.name))


def edit_table(path: Path, chance: random.Random) -> str:
    """Change a value, or take a row away, double it, or put it elsewhere."""
    table = parquet.read(path)
    rows = table.to_pylist()
    row = chance.randrange(len(rows))
    kind = chance.choice(("value", "value", "value", "less", "more", "order"))
    if kind == "less":
        del rows[row]
    elif kind == "more":
        rows.append(rows[row])
    elif kind == "order" and len(rows) > 1:
        rows.insert(chance.choice([at for at in range(len(rows)) if at != row]), rows.pop(row))
    if kind == "value" or pa.Table.from_pylist(rows, schema=table.schema).equals(table):
        names = [name for name in table.column_names if rows[row][name] not in (None, [])]
        kind = chance.choice(names)
        rows[row][kind] = another(rows[row][kind], chance)
    edited = pa.Table.from_pylist(rows, schema=table.schema)
    assert not edited.equals(table)
    path.unlink()
    parquet.write(edited, path)
    return kind


def another(value: Any, chance: random.Random) -> Any:
    """A value of the same type that is another one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 7))
    if isinstance(value, float):
        return value / 2 + 0.125
    if isinstance(value, str):
        at = chance.randrange(len(value) + 1)
        return value[:at] + chance.choice("的了x7") + value[at + chance.randrange(2) :]
    if isinstance(value, dict):
        name = chance.choice([name for name in value if value[name] is not None])
        return value | {name: another(value[name], chance)}
    return [*value[:-1], another(value[-1], chance)]


def edit_text(text: str, chance: random.Random) -> str:
    """Change a digit, a letter or a line."""
    lines = text.split("\n")
    line = chance.choice([at for at, said in enumerate(lines) if said.strip()])
    digits = [at for at, letter in enumerate(text) if letter.isdigit()]
    kind = chance.choice(("digit", "digit", "letter", "less", "more"))
    if kind == "digit" and digits:
        at = chance.choice(digits)
        return text[:at] + str((int(text[at]) + chance.randrange(1, 10)) % 10) + text[at + 1 :]
    if kind == "less":
        return "\n".join([*lines[:line], *lines[line + 1 :]])
    if kind == "more":
        return "\n".join([*lines[:line], lines[line], *lines[line:]])
    at = chance.randrange(len(text))
    return text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]


def edit_json(text: str, chance: random.Random) -> str:
    """Change one number of the metrics."""
    data = orjson.loads(text)
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(each, (dict, list)):
                collect(each)
            elif isinstance(each, (int, float)):
                places.append((value, key))

    collect(data)
    holder, key = chance.choice(places)
    holder[key] = another(holder[key], chance)
    return canonical_json(data)
