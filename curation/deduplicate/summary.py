"""What is kept of each text until the verdict: some two hundred bytes, whatever its length.

One Arrow table is the summary everywhere: an exchange's keys, a worker's answer, the rows of an index.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.deduplicate.columns import integers, packed
from curation.deduplicate.exact import digests
from curation.deduplicate.minhash import band_keys
from curation.deduplicate.winnow import fingerprints

FACTS = pa.schema(
    [("id", pa.string()), ("moment", pa.int64()), ("quality", pa.float64()), ("source", pa.string())]
)
"""What the survivor policies may ask of a record besides its text. `moment`: see `keep.moments`; null in any
of them where the record does not say."""


def summarise(
    texts: Sequence[str], facts: pa.Table, threshold: float | None, *, containment: bool = False
) -> pa.Table:
    """The summary of some texts.

    Args:
        facts: columns of `FACTS`, all or some.
        threshold: of near duplicates; None where only identical texts are looked for.
        containment: whether texts that stand in longer ones are looked for.

    Returns:
        The facts, `digest` (16 bytes, see `exact.digests`), `length` in code points and, with a threshold,
        `bands` (four bytes each, see `minhash.band_keys`), for containment
        `fingerprints` (four bytes each, see `winnow.fingerprints`).
    """
    columns = {name: facts[name] for name in facts.column_names}
    columns["digest"] = packed(digests(texts))
    columns["length"] = integers(np.fromiter(map(len, texts), np.int64, len(texts)))
    if threshold is not None:
        columns["bands"] = packed(band_keys(texts, threshold))
    if containment:
        columns["fingerprints"] = fingerprints(texts)
    return pa.table(columns)
