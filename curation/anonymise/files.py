"""One file anonymised: every row back in order, text columns anonymised; other columns as they were, except
for what was replaced in the same row. What a second look suspects is held back for people, if asked."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.anonymise import policy as policies
from curation.anonymise import tagger
from curation.anonymise.canaries import Canaries, read_canaries
from curation.anonymise.columns import Columns, columns_of, shown
from curation.anonymise.groups import K, quasi_identifiers
from curation.anonymise.layout import TEXT, Layout, lay_out
from curation.anonymise.pieces import content
from curation.anonymise.policy import Policy
from curation.anonymise.risk import Suspect
from curation.anonymise.rows import Progress, Rewritten, chunks, find, look_again, rewritten
from curation.engine.local import LocalEngine
from curation.errors import EngineError, UsageError
from curation.files import canonical_json, not_onto_itself, sha256, whole_file

if TYPE_CHECKING:
    from curation.ingest.tables import Rows


@dataclass(frozen=True)
class AnonymiseSummary:
    """What was done.

    Attributes:
        rows: rows written.
        counts: how many findings of each type were replaced, in all rows of the input.
        held: rows held back for people.
        manifest: what the manifest says, where one was asked for.
    """

    rows: int
    counts: dict[str, int]
    held: int = 0
    manifest: dict[str, Any] | None = None


@dataclass(frozen=True)
class Also:
    """Files to read or write besides input and output.

    Attributes:
        spans: what was found, as JSON lines `{"id", "record", "field", "spans"}`: offsets in the input, no
            text. `record` counts the records of the output, from 1; null for one that was held back.
            `id` is the row's own, else its number as the file's program shows it; where several rows have
            the same id, `row` is that number.
        review: which rows were held back and why, as JSON lines without text. Without it none is held.
        manifest: what was done and what risk is left, as JSON.
        canaries: names that must not stand in the output: one per line, or CSV or XLSX.
        vault, vault_key: where to seal what was replaced, and under which key.
    """

    spans: Path | None = None
    review: Path | None = None
    manifest: Path | None = None
    canaries: Path | None = None
    vault: Path | None = None
    vault_key: bytes | None = field(default=None, repr=False)


class LeftOverError(EngineError):
    """Names that must not stand in the output do. Nothing is written."""


def anonymise_file(
    source: Path,
    output: Path,
    *,
    names: str = "lac",
    key: bytes | None = None,
    text_fields: Sequence[str] = (),
    policy: str = "letters",
    workers: int = 1,
    also: Also | None = None,
    progress: Progress | None = None,
) -> AnonymiseSummary:
    """Anonymise the text columns of a file and replace its private columns; formats by extension.

    Headers are known as `curate` knows them, except that all columns of a kind count and not only the first.
    Numbers in these columns are taken as they are shown. From JSON lines to JSON lines, CSV to CSV, text to
    text, only what is replaced is written anew.

    Args:
        text_fields: the columns that hold text, instead of the known ones; private columns stay private.
        workers: processes; the result is the same.
        also: further files. With a review file or a manifest a second detector looks at the output.

    Raises:
        UsageError: no column is known to hold text, an unknown policy, engine or format, or a file that
            cannot be written.
        InputError: the input cannot be read, or a text or private column holds neither strings nor numbers.
        LeftOverError: a canary stands in the output, and there is no review file to hold its row back.
            After any of these nothing is written.
    """
    from curation.ingest import tables

    also = also or Also()
    tables.writer(output)  # what cannot be written is refused before the work
    check_outputs(source, output, also, inputs=tagger.files(names))
    loaded = policies.load(policy)
    canaries = Canaries(()) if also.canaries is None else read_canaries(also.canaries)
    read = tables.read_rows(source, text_fields)
    columns = columns_of(read, text_fields, source)
    cells = shown(read, columns, source)
    parts = chunks(read, cells, columns, names=names, policy=loaded)
    second = "none"
    with LocalEngine(workers) as engine:
        detected = find(engine, parts, progress)
        done = rewritten(
            read, cells, columns, parts, detected, key=key, real=canaries.values, file=source.name
        )
        suspected = [_canaries(row, canaries) for row in done]
        if also.review is not None or also.manifest is not None:
            second, found = look_again(engine, parts, [row.result for row in done], progress)
            suspected = [[*one, *more] for one, more in zip(suspected, found, strict=True)]
    job = _Job(source, output, also, read, columns, done, suspected, text_fields)
    job.refuse_canaries()
    manifest = None
    with contextlib.ExitStack() as all_or_none:
        aside = all_or_none.enter_context(whole_file(output))
        job.write_output(aside)
        if also.spans is not None:
            job.write_lines(all_or_none.enter_context(whole_file(also.spans)), job.span_lines())
        if also.review is not None:
            job.write_lines(all_or_none.enter_context(whole_file(also.review)), job.review_lines())
        if also.manifest is not None:
            manifest = _manifest(job, aside, loaded, names, second, key, canaries)
            place = all_or_none.enter_context(whole_file(also.manifest))
            place.write_text(canonical_json(manifest), encoding="utf-8")
        if also.vault is not None:
            job.write_vault(all_or_none.enter_context(whole_file(also.vault, mode=0o600)), aside)
    counts = Counter(kind for kind, action in job.found().elements() if action != "keep")
    return AnonymiseSummary(len(done) - len(job.held), dict(sorted(counts.items())), len(job.held), manifest)


def check_outputs(source: Path, output: Path, also: Also, *, inputs: Sequence[Path] = ()) -> None:
    """Refuse, before the work, files that would be written over an input or each other, or cannot be.

    Args:
        inputs: further files that are read, such as keys.

    Raises:
        UsageError: naming the file.
    """
    written = [path for path in (output, also.spans, also.review, also.manifest, also.vault) if path]
    for number, path in enumerate(written):
        for each in (source, *inputs, *([also.canaries] if also.canaries else [])):
            not_onto_itself(each, path)
        if path.resolve() in {other.resolve() for other in written[:number]}:
            raise UsageError(f"{path}: is written twice; name another file")
        if not path.resolve().parent.is_dir():
            raise UsageError(f"{path}: cannot be written: No such file or directory")
        if path.is_dir():
            raise UsageError(f"{path}: cannot be written: Is a directory")
        if not os.access(path.resolve().parent, os.W_OK):
            raise UsageError(f"{path}: cannot be written: Permission denied")
    if also.vault is not None:
        from curation.anonymise.vault import require_cryptography

        require_cryptography()
        if os.path.lexists(also.vault):
            raise UsageError(f"{also.vault}: exists; a vault is never written over, name another file")
        if source.suffix.lower() != output.suffix.lower():
            raise UsageError(f"{output}: with a vault, the output has the format of {source.name}")


def _canaries(row: Rewritten, canaries: Canaries) -> list[Suspect]:
    if not len(canaries):
        return []
    return [Suspect(column, 0, 0, "CANARY", "canaries") for column in canaries.columns(row.row)]


class _Job:
    """A file that was anonymised and is about to be written."""

    def __init__(
        self,
        source: Path,
        output: Path,
        also: Also,
        read: Rows,
        columns: Columns,
        done: list[Rewritten],
        suspected: list[list[Suspect]],
        text_fields: Sequence[str],
    ) -> None:
        self.source, self.output, self.also = source, output, also
        self.read, self.columns, self.done, self.suspected = read, columns, done, suspected
        self.text_fields = text_fields
        self.held = frozenset(
            index for index, found in enumerate(suspected) if found and also.review is not None
        )
        self.kept = [index for index in range(len(done)) if index not in self.held]
        self.layout = self._layout()

    def _layout(self) -> Layout | None:
        """Where the cells stand in a text file that is written in its own format."""
        from curation.ingest import encoding

        suffix = self.source.suffix.lower()
        if suffix != self.output.suffix.lower() or suffix not in TEXT:
            return None
        return lay_out(encoding.decode(self.source.read_bytes()).text, suffix, self.read)

    def refuse_canaries(self) -> None:
        """Stop where a canary would get into the output."""
        rows = [
            str(number)
            for index, (number, found) in enumerate(zip(self.read.numbers, self.suspected, strict=True))
            if index not in self.held and any(one.type == "CANARY" for one in found)
        ]
        if rows:
            shown = ", ".join(rows[:5]) + (" ..." if len(rows) > 5 else "")
            raise LeftOverError(
                f"{self.source.name}: {len(rows)} rows still hold a name of the canary list (row {shown}); "
                "nothing written; --review FILE holds such rows back"
            )

    def write_output(self, aside: Path) -> None:
        from curation.ingest import tables

        if self.layout is None:
            after = replace(self.read, rows=[row.row for row in self.done])
            tables.writer(self.output)(aside, after.take(self.kept))
            return
        text = self.layout.rewritten(
            [row.row for row in self.done], [row.changed for row in self.done], self.held
        )
        delimited = bool(self.layout.delimiter)  # Excel misreads CSV without a mark
        aside.write_bytes(text.encode("utf-8-sig" if delimited and self.read.bom else "utf-8"))

    def write_lines(self, aside: Path, lines: Iterator[Mapping[str, Any]]) -> None:
        from curation.ingest.tables import json_line

        aside.write_bytes(b"".join(json_line(dict(line)) for line in lines))

    def span_lines(self) -> Iterator[dict[str, Any]]:
        number = {index: place for place, index in enumerate(self.kept, start=1)}
        for index, row in enumerate(self.done):
            place = {"record": number.get(index)}
            found = [one for one in row.result.found if "\0" not in one.field]
            for name in dict.fromkeys(one.field for one in found):
                spans = [one.span._asdict() for one in found if one.field == name]
                yield {**self._names(index), **place, "field": name, "spans": spans}

    def review_lines(self) -> Iterator[dict[str, Any]]:
        for index in sorted(self.held):
            found = [one._asdict() | {"field": one.field.partition("\0")[0]} for one in self.suspected[index]]
            yield {**self._names(index), "row": self.read.numbers[index], "suspects": found}

    def _names(self, index: int) -> dict[str, Any]:
        """What a row is called: its own id, as in the output, and its number where that is not enough."""
        own, number = self._own[index], self.read.numbers[index]
        return {"id": own} if self._times[repr(own)] == 1 else {"id": own, "row": number}

    @functools.cached_property
    def _own(self) -> list[Any]:
        column = self.columns.id
        return [
            row.row.get(column, number) if column else number
            for number, row in zip(self.read.numbers, self.done, strict=True)
        ]

    @functools.cached_property
    def _times(self) -> Counter[str]:
        return Counter(map(repr, self._own))

    def kinds(self) -> list[str | None]:
        """Every kind of record that is there."""
        column = self.columns.kind
        kinds = {row.row.get(column) for row in self.done} if column else {None}
        return sorted({kind if isinstance(kind, str) else None for kind in kinds}, key=str)

    def found(self) -> Counter[tuple[str, str]]:
        """By type and action, how much was found in all rows."""
        return Counter((one.span.type, one.action) for row in self.done for one in row.result.found)

    def write_vault(self, aside: Path, written: Path) -> None:
        from curation.anonymise.vault import seal

        assert self.also.vault_key is not None
        number = {index: place for place, index in enumerate(self.kept)}
        pieces = [
            piece._replace(row=number[index]) for index in self.kept for piece in self.done[index].pieces
        ]
        made = content(
            self.source,
            written,
            output=self.output,
            before=self.read,
            layout=self.layout,
            pieces=pieces,
            held=self.held,
            text_fields=self.text_fields,
        )
        seal(aside, made.model_dump(), output_sha256=sha256(written), key=self.also.vault_key)


def _manifest(
    job: _Job,
    written: Path,
    policy: Policy,
    names: str,
    ran: str,
    key: bytes | None,
    canaries: Canaries,
) -> dict[str, Any]:
    from curation.anonymise.manifest import describe

    second = {at for at, found in enumerate(job.suspected) for one in found if one.type != "CANARY"}
    told = {at for at, found in enumerate(job.suspected) for one in found if one.type == "CANARY"}
    groups = quasi_identifiers((job.done[index].row for index in job.kept), job.columns.text)
    types = Counter(
        f"{one.type} {one.recogniser}" for found in job.suspected for one in found if one.type != "CANARY"
    )
    residual: dict[str, Any] = {
        "second_detector": {
            "records": len(second),
            "records_left": len(second - job.held),
            "types": dict(sorted(types.items())),
        },
        "quasi_identifiers": {
            "attributes": list(groups.attributes),
            "k": K,
            "smallest_group": groups.smallest,
            "share_in_small_groups": groups.small / max(groups.records, 1),
            "records": groups.records,
        },
    }
    if len(canaries):
        residual["canaries"] = {"names": len(canaries), "records": len(told)}
    return describe(
        source=job.source,
        output_sha256=sha256(written),
        rows=len(job.kept),
        held=len(job.held),
        policy=policy,
        rules=[policy.of(kind) for kind in job.kinds()],
        names=names,
        second=ran,
        key=key,
        vault=job.also.vault is not None,
        found=job.found(),
        residual=residual,
    )
