"""Names from the custodian's own tables, none of which may stand in the output, in any column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curation.anonymise.layout import leaves
from curation.anonymise.spans import view
from curation.errors import UsageError


class Canaries:
    """Names that must not stand in the output.

    Args:
        values: as the custodian's tables have them; white space does not count, and what is shorter than two
            characters tells nobody.
    """

    def __init__(self, values: Iterable[str]) -> None:
        squeezed = ("".join(view(value).split()) for value in values)
        self.values = frozenset(value for value in squeezed if len(value) >= 2)
        self._by_head: dict[str, list[str]] = defaultdict(list)
        for value in sorted(self.values):
            self._by_head[value[:2]].append(value)

    def __len__(self) -> int:
        return len(self.values)

    def columns(self, row: Mapping[str, Any]) -> list[str]:
        """The columns of a row in which one of them stands, at any depth, as a value or a key."""
        return [column for column, value in row.items() if self._within(value)]

    def _within(self, value: Any) -> bool:
        return any(self._stands_in(str(part)) for path, last in leaves(value) for part in (*path, last))

    def _stands_in(self, text: str) -> bool:
        plain = "".join(view(text).split())
        heads = {plain[at : at + 2] for at in range(len(plain) - 1)}
        return any(value in plain for head in heads for value in self._by_head.get(head, ()))


def read_canaries(path: Path) -> Canaries:
    """Names, one per line, or the first column with personal names or numbers of a CSV or XLSX file.

    Raises:
        UsageError: the file cannot be read, or no name is in it.
    """
    from curation import records
    from curation.ingest import encoding, tables
    from curation.ingest.mapping import ALIASES
    from curation.ingest.problem import UnreadableError

    if path.suffix.lower() in (".csv", ".tsv", ".xlsx"):
        rows = tables.read_rows(path)
        columns = rows.find(alias for field in records.PRIVATE_FIELDS for alias in ALIASES[field])
        columns = columns or list(rows.columns[:1])
        values = [str(row[column]) for row in rows.rows for column in columns if row[column]]
        # a list without a header: its first name stands where the header would
        values += [] if rows.find(ALIASES["person"]) else list(columns)
    else:
        try:
            values = encoding.decode(path.read_bytes()).text.splitlines()
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except UnreadableError as error:
            raise UsageError(f"{path}: {error}") from None
    canaries = Canaries(values)
    if not len(canaries):
        raise UsageError(f"{path}: no name is in it")
    return canaries
