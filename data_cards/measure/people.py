"""What people's reading proves: how far they agree on labels, how often a labeller is right, and how much
personal data is left.

Only answers that were given without another answer in view are evidence, and only records that were drawn at
random measure a labeller. Null where nobody read, never 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from curation import decisions, records
from curation.decisions import Decision
from curation.intervals import lower_bound
from data_cards.measure.residual import Measured, rounded
from data_cards.measure.sample import seed

if TYPE_CHECKING:
    from curation.run import Run

RISK = 0.05
"""Of the one-sided bounds."""


class Read(NamedTuple):
    """What was measured: sections of the metrics by key, null where there is none, and the reasons."""

    found: dict[str, Any]
    unmeasured: dict[str, str]


def of_labels(run: Run | None, schemes: Iterable[str]) -> dict[str, Read]:
    """`agreement`, `precision` and `confusion` of each scheme, by what people had decided when the run was
    made.

    Raises:
        InputError: a line of the run's decisions is none.
    """
    if not _has_private(run):
        return {scheme: _nothing("no_ledger") for scheme in schemes}
    known = decisions.in_force(decisions.read(run.decided))
    said = {
        scheme: [one for one in known if (one.stage, one.scheme) == ("label", scheme)] for scheme in schemes
    }
    return {
        scheme: _of_scheme(mine, scheme) if mine else _nothing("not_read_by_people")
        for scheme, mine in said.items()
    }


def of_residual(run: Run | None, files: Mapping[str, Mapping[str, Any]]) -> Read:
    """`audit` and `document_upper95`: what people still see in a sample of what is published
    (`data_cards.audit`).

    Args:
        files: `metrics.files`.
    """
    from data_cards import audit

    said, why = audit.read(run, seed(files)) if _has_private(run) else (None, "no_ledger")
    if said is None:
        keys = ("audit", "document_upper95")
        return Read(dict.fromkeys(keys), dict.fromkeys(keys, why or ""))
    documents = said["documents"]
    found = {
        "audit": {"records": documents["read"], "with_findings": documents["missed"]},
        "document_upper95": rounded(documents["upper_95"]),
    }
    return Read(found, {})


def _has_private(run: Run | None) -> TypeGuard[Run]:
    return run is not None and run.private.is_dir()


def _nothing(why: str) -> Read:
    keys = ("agreement", "precision", "confusion")
    return Read(dict.fromkeys(keys), dict.fromkeys(keys, why))


def _of_scheme(said: Sequence[Decision], scheme: str) -> Read:
    measured: dict[str, Measured] = {
        "agreement": _agreement(said),
        "precision": _precision(said, scheme),
        "confusion": _confusion(said, scheme),
    }
    unmeasured = {key: why for key, (_, why) in measured.items() if why}
    agreed, _ = measured["agreement"]
    if agreed and agreed["alpha"] is None:
        unmeasured["agreement.alpha"] = "one_value"
    return Read({key: found for key, (found, _) in measured.items()}, unmeasured)


def _agreement(said: Sequence[Decision]) -> Measured:
    """Krippendorff's alpha and the share of equal pairs, on records that two people answered unaided."""
    from curation.label.agreement import agreement
    from curation.review.exchange.summary import CANNOT_TELL

    unaided = [one for one in said if not one.shown.suggestion and not one.shown.other]
    found = agreement(
        [f"{one.id}\0{one.content}" for one in unaided],  # of another text it is another question
        [decisions.identity(one.by) for one in unaided],
        [one.value or CANNOT_TELL for one in unaided],
        draws=1,  # the interval is not told
    )
    if not found.units:
        return None, "one_reader"
    return {
        "records": found.units,
        "people": len(found.people),
        "alpha": None if found.alpha is None else rounded(found.alpha),
        "observed": None if found.percent is None else rounded(found.percent),
    }, None


def _precision(said: Sequence[Decision], scheme: str) -> Measured:
    """How often people confirm labels of records drawn at random: those of the labeller; where all were
    given with the records, those."""
    from curation.review.exchange.summary import audit

    found = audit(said, scheme)
    measured = found.machine or found.given
    if measured is None:
        return None, "not_read_by_people"
    right, labelled = measured.right.count, measured.right.of
    return {
        "labelled": labelled,
        "right": right,
        "lower95": rounded(float(lower_bound(right, labelled, RISK))),
    }, None


def _confusion(said: Sequence[Decision], scheme: str) -> Measured:
    """The labeller's value and the last word of people who had not seen it."""
    unaided = [one for one in said if not one.shown.suggestion]
    finals = [held.final for held in decisions.standing(unaided, "label", scheme).values()]
    pairs = Counter(
        (one.shown.machine.value, one.value)
        for one in finals
        if one.value is not None and one.shown.machine and not one.shown.machine.abstained
        if one.shown.machine.method != records.INPUT  # may be anybody's free text
    )
    if not pairs:
        return None, "not_read_by_people"
    table: dict[str, dict[str, int]] = {}
    for (machine, person), count in sorted(pairs.items()):
        table.setdefault(machine, {})[person] = count
    return table, None
