"""What is in a data set, measured: every number of the card is computed here, from the data and, of a run,
from its private ledger.

The metrics hold no record text and no file name of an input. What has no meaning for a data set (personal
data where nothing looked for it) is null, never zero; `unmeasured` says why.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from curation.files import sha256
from curation.run import LOCK
from data_cards.answers import Answers
from data_cards.dataset import Dataset
from data_cards.measure import ledger, looked_at
from data_cards.measure.columns import Columns
from data_cards.measure.gaps import gaps
from data_cards.measure.labels import Labels
from data_cards.measure.lock import processing, read_lock, stages
from data_cards.measure.origin import Origin
from data_cards.measure.scan import scan
from data_cards.measure.sizes import Sizes
from data_cards.measure.structure import Clusters, Leaks
from data_cards.measure.tokens import Tokens
from data_cards.metrics import SCHEMA, Metrics
from data_cards.options import Options

__all__ = ["FROM_LEDGER", "measure", "read_lock", "stages"]

FROM_LEDGER = (
    "records",
    "funnel",
    "duplicates",
    "pii",
    "decontamination.against_evaluation",
)
"""Keys of the metrics that need `RUN.private`; the others can be measured again on a published copy."""


def measure(
    dataset: Dataset, options: Options, answers: Answers, stated: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All metrics of a data set, as JSON data of schema `metrics/2` (`data_cards.metrics`).

    Counts are exact. Lengths are in characters (Unicode code points); median and 95th percentile are
    lengths that occur (nearest rank); means are rounded to six significant digits.

    Args:
        stated: the metrics of a published copy, which has no ledger: what comes from there is taken from
            them.

    Raises:
        UsageError: the folder is not a finished run, or an option that cannot be met.
        InputError: a file is missing or cannot be read.
    """
    run = dataset.run
    lock = read_lock(run) if run else None
    ran = processing(lock) if lock else None
    clusters = Clusters(dataset, grouped=bool(ran and ran["deduplicated"]))
    tokens: list[Tokens] = [Tokens(dataset, options.tokenizer)] if options.tokenizer else []
    found = scan(
        dataset,
        [
            Columns(dataset),
            Sizes(dataset),
            Labels(dataset),
            Origin(dataset, lock["recipe"]["fields"] if lock else ()),
            clusters,
            Leaks(dataset, clusters),
            *tokens,
        ],
    )
    for counted in tokens:
        for split, number in counted.of_splits().items():
            found["splits"][split]["tokens"] = number
        found["published"]["tokens"] = found["tokens"]["total"]
    reasons: dict[str, str] = {}
    found |= _private(dataset, stated, reasons)
    against = found.pop("against_evaluation")
    if len(dataset.files) < 2 and against is None:
        found["decontamination"] = None
    else:
        found["decontamination"]["against_evaluation"] = against
    found = {
        "schema": SCHEMA,
        "dataset": {
            "name": dataset.name,
            "kind": "run" if run else "folder",
            "format": dataset.format,
            "text_fields": list(dataset.text_fields),
            "label_fields": list(dataset.label_fields),
            "config": dataset.config,
        },
        "lock": {"sha256": sha256(run.folder / LOCK)} if run else None,
        "inputs": {"files": len(lock["inputs"]), "bytes": sum(file["bytes"] for file in lock["inputs"])}
        if lock
        else None,
        "processing": ran,
        "tokens": None,
        **found,
        "unmeasured": {},
    }
    looked_at.add(found, dataset, answers, options, stated, reasons)
    whole = Metrics.model_validate(found).model_dump(by_alias=True)
    return whole | {"unmeasured": gaps(whole, reasons)}


def _private(dataset: Dataset, stated: Mapping[str, Any] | None, reasons: dict[str, str]) -> dict[str, Any]:
    """What the ledger tells, or what was stated of it; adds why it is null where neither is there."""
    run = dataset.run
    keys = ("records", "funnel", "duplicates", "pii")
    if run and stated is not None:
        told = {key: copy.deepcopy(stated.get(key)) for key in keys}
        if isinstance(told["records"], dict):  # the lock knows the fates even so
            told["records"] |= run.lock()["records"]
        why, leaks = stated.get("unmeasured"), stated.get("decontamination")
        if isinstance(why, Mapping):
            reasons |= {key: code for key, code in why.items() if key.startswith((*FROM_LEDGER, "labels."))}
        against = leaks.get("against_evaluation") if isinstance(leaks, Mapping) else None
        return {**told, "against_evaluation": against}
    if run and run.private.is_dir():
        return ledger.measure(run)
    pii = ledger.no_pii()
    reasons |= dict.fromkeys([*keys, *(f"pii.{key}" for key in pii), *FROM_LEDGER], "no_ledger")
    return {**dict.fromkeys(keys), "pii": pii, "against_evaluation": None}
