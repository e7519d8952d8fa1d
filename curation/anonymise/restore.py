"""`govtune anonymise-restore`: a file as it was, from the anonymised file and its vault.

Span by span, never by looking for a replacement, which may also stand where nothing was replaced.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.anonymise.pieces import Content, bytes_again, rows_again
from curation.errors import UsageError
from curation.files import sha256, whole_file


@dataclass(frozen=True)
class RestoreSummary:
    """What was restored: rows of the file and replaced stretches of text; the file with the audit line."""

    rows: int
    values: int
    audit: str


def restore_file(output: Path, restored: Path, *, vault: Path, key: bytes) -> RestoreSummary:
    """Undo `anonymise_file`, and say in the audit file beside the vault that it was done.

    JSON lines, CSV and text come back byte for byte, XLSX and Parquet value by value; without the rows that
    were held back. The restored file and the audit file can be read by their owner alone.

    Raises:
        UsageError: the file is not the one the vault was made for, or was changed since; another key; a
            vault that was changed; a file that cannot be read or written.
    """
    from curation.anonymise.vault import open_vault, require_cryptography

    require_cryptography()
    audit = vault.with_name(f"{vault.name}.audit.jsonl")
    for taken in (output, vault, audit):
        if restored.resolve() == taken.resolve():
            raise UsageError(f"{restored}: is an input itself; write to another file")
    if restored.suffix.lower() != output.suffix.lower():
        raise UsageError(f"{restored}: a restored file has the format of {output.name}")
    opened = open_vault(vault, key)
    if sha256(output) != opened.header.get("output_sha256"):
        raise UsageError(f"{output}: not the file this vault was made for, or changed since")
    content = Content.model_validate(opened.body)
    with whole_file(restored, mode=0o600) as aside:
        _write(aside, output, restored, content)
        _note(audit, vault, opened.header, content)
    return RestoreSummary(rows=content.rows, values=content.values, audit=str(audit))


def _write(aside: Path, output: Path, restored: Path, content: Content) -> None:
    from curation.ingest import tables

    if content.whole is not None:
        aside.write_bytes(base64.b64decode(content.whole))
    elif content.encoding is not None:
        aside.write_bytes(bytes_again(output, content))
    else:
        tables.writer(restored)(aside, rows_again(output, content))


def _note(audit: Path, vault: Path, header: dict[str, Any], content: Content) -> None:
    """The audit line. Nothing is restored without it."""
    from curation.anonymise.vault import now, private_file, who

    line = {
        "time": now(),
        "by": who(),
        "vault_sha256": sha256(vault),
        "output_sha256": header["output_sha256"],
        "rows": content.rows,
        "values": content.values,
    }
    try:
        with private_file(audit, append=True) as file:
            file.write(json.dumps(line).encode() + b"\n")
    except OSError as error:
        raise UsageError(f"{audit}: the audit line cannot be written: {error.strerror}") from None
