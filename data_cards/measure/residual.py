"""Personal data that is left in the data as they are published: what our own recognisers still find.

Every column is looked at, whether or not anonymising knew it, but those in which a run only names its own
records. What a policy keeps, its placeholders, and surrogates that belong to nobody are no findings; a
surrogate of a name looks like a name, so where there are surrogates nothing is said of names.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from curation.errors import UsageError
from curation.intervals import upper_bound
from data_cards.measure.sample import SPLIT, Sample

if TYPE_CHECKING:
    from curation.anonymise.policy import Policy
    from curation.anonymise.record import Found
    from curation.anonymise.tagger import Tagger
    from data_cards.dataset import Dataset

RECORDS = 2_000
"""Records looked at, at most."""

CHARACTERS = 200_000
"""Characters looked at, about: of long records fewer are drawn. At our recognisers' speed it is seconds."""

DEFAULT_POLICY, DEFAULT_NAMES = "letters", "lac"
"""What looks at data that were not anonymised by us."""

_NO_CONTENT = frozenset(("id", "parent", "cluster", "split"))
"""Columns of a run that only name its own records."""

Measured = tuple[dict[str, Any] | None, str | None]
"""A section of the metrics, or null and the code of the reason."""


def rescan(dataset: Dataset, sample: Sample, characters: int) -> Measured:
    """What is found, as `metrics.Rescan`.

    Args:
        characters: of all texts.
    """
    columns = [
        name for name in sample.drawn.column_names if _is_read(sample.drawn.schema.field(name), dataset)
    ]
    if not sample.total or not columns:
        return None, "no_text"
    try:
        detector = _detector(dataset)
    except UsageError:  # a policy or a name engine that is not here any more
        return None, "no_detector"
    most = min(RECORDS, max(1, int(CHARACTERS * sample.total / max(characters, 1))))
    table = sample.fewer(most).select(columns)
    found = _left(table, detector, bool(dataset.run))
    by_type = sum(found, Counter())
    looked_at, touched = table.num_rows, sum(map(bool, found))
    share = touched / looked_at
    upper = share if looked_at == sample.total else float(upper_bound(touched, looked_at, 0.05))
    return {
        "records": looked_at,
        "of": sample.total,
        "detector": detector.name,
        "by_type": dict(sorted(by_type.items())),
        "records_with_findings": touched,
        "share": rounded(share),
        "upper95": rounded(upper),
        "undecided": list(detector.undecided),
    }, None


def rounded(value: float) -> float:
    """Six significant digits, as everywhere in the metrics."""
    return float(f"{value:.6g}")


class _Detector(NamedTuple):
    """What looks at the data.

    Attributes:
        name: of name engine and policy, as it may be published.
        undecided: types of which nothing can be said.
    """

    name: str
    policy: Policy
    tagger: Tagger
    undecided: tuple[str, ...]


def _detector(dataset: Dataset) -> _Detector:
    """That of the run; of anything else, our own."""
    from curation.anonymise import policy as policies
    from curation.anonymise.surrogates.reserved import UNDECIDABLE

    options: Mapping[str, Any] = {}
    surrogates = False
    if dataset.run:
        lock = dataset.run.lock()
        stages = {name: said for stage in lock["recipe"]["stages"] for name, said in stage.items()}
        options = stages.get("anonymise") or {}
        surrogates = "anonymise" in stages and lock["key"] is not None
    policy = policies.load(str(options.get("policy", DEFAULT_POLICY)))
    names = str(options.get("names", DEFAULT_NAMES))
    name = f"{names.partition(':')[0]}/{policy.name}"
    return _Detector(name, policy, _tagger(names), UNDECIDABLE if surrogates else ())


@functools.lru_cache(maxsize=2)
def _tagger(names: str) -> Tagger:
    """A name engine, loaded once however many cards are built."""
    from curation.anonymise import tagger

    return tagger.load(names)


def _left(table: pa.Table, detector: _Detector, has_kinds: bool) -> list[Counter[str]]:
    """Findings of each record by type.

    Args:
        has_kinds: the column `kind` says by which rules a record goes.
    """
    from curation.anonymise.record import anonymise_fields

    columns = {name: table[name].to_pylist() for name in table.column_names}
    kinds = columns.pop("kind") if has_kinds else [None] * table.num_rows
    rows = [dict(_texts(columns, row)) for row in range(table.num_rows)]
    results = anonymise_fields(
        rows, [{}] * len(rows), tagger=detector.tagger, policy=detector.policy, kinds=kinds
    )
    return [
        Counter(
            found.span.type
            for found in result.found
            if _counts(found, row[found.field], detector, _placeholders(detector.policy, kind))
        )
        for row, result, kind in zip(rows, results, kinds, strict=True)
    ]


def _counts(found: Found, text: str, detector: _Detector, placeholders: Sequence[str]) -> bool:
    """Whether something is left: the policy would change it again, and nothing in it was put there by us."""
    from curation.anonymise.surrogates.reserved import is_nobodys

    value, kind = text[found.span.start : found.span.end], found.span.type
    if found.action == "keep" or found.new == value or kind in detector.undecided:
        return False
    if any(_overlaps(found, text, placeholder) for placeholder in placeholders):
        return False
    return not (detector.undecided and is_nobodys(kind, value))


def _overlaps(found: Found, text: str, placeholder: str) -> bool:
    """Whether a placeholder stands in a finding, or the finding within one. A title beside one is that of the
    person who was replaced: in [姓名]任组长 nobody is called 任."""
    reach = len(placeholder) - (found.span.type != "PERSON_HONORIFIC")
    around = text[max(0, found.span.start - reach) : found.span.end + reach]
    return placeholder in around


def _placeholders(policy: Policy, kind: str | None) -> list[str]:
    return sorted({rule.placeholder for rule in policy.of(kind).values()})


def _texts(columns: Mapping[str, Sequence[Any]], row: int) -> Iterator[tuple[str, str]]:
    """Every text of a record, under a name; a number may be a telephone number."""
    from curation.anonymise.layout import leaves

    for name, values in columns.items():
        value = values[row]
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, (list, dict)):
            for number, (_, leaf) in enumerate(leaves(value)):
                if isinstance(leaf, str):
                    yield f"{name}:{number}", leaf
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, str(value)


def _is_read(field: pa.Field, dataset: Dataset) -> bool:
    if field.name == SPLIT or (dataset.run and field.name in _NO_CONTENT):
        return False
    kind = field.type
    return bool(pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_nested(kind))
