"""The properties of Croissant RAI 1.0: what was measured as sentences, what people answered in their words.

RAI has text only, so the numbers of `metrics.json` are told here once more; what was not measured says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from curation.records import BY_PEOPLE
from curation.writing.markdown import number, share
from data_cards.facts import Facts
from data_cards.measure import stages
from data_cards.sections.view import View
from data_cards.terms import words


def properties(facts: Facts) -> dict[str, Any]:
    """`rai:` properties; one of which nothing is known is left out."""
    view, metrics, answers = View(facts, words("en"), ""), facts.metrics, facts.answers
    said = {
        name: list(told.lines("en"))
        for name, told in {
            "dataCollection": answers.collection,
            "dataAnnotationProtocol": answers.annotation,
            "annotatorDemographics": answers.annotators,
        }.items()
        if told
    }
    uses = [line for told in (answers.purpose, answers.uses) if told for line in told.lines("en")]
    plan = {"maintenance": answers.maintenance, "retention": answers.retention, "disposal": answers.disposal}
    found: dict[str, list[str]] = {
        **said,
        "dataCollectionMissingData": [*_missing(metrics)],
        "dataCollectionRawData": [*_raw(metrics)],
        "dataPreprocessingProtocol": [*_steps(view)],
        "dataManipulationProtocol": [*_replaced(view)],
        "dataAnnotationAnalysis": [*_labels(metrics)],
        "annotationsPerItem": [*_per_item(metrics)],
        "machineAnnotationTools": [*_machines(metrics)],
        "dataBiases": [*_skews(metrics)],
        "dataLimitations": [*_limits(view)],
        "dataUseCases": uses,
        "personalSensitiveInformation": [*_personal(view)],
        "dataReleaseMaintenancePlan": [f"{name}: {told.text('en')}" for name, told in plan.items() if told],
    }
    return {f"rai:{name}": _one_or_many(name, lines) for name, lines in found.items() if lines}


_ONE = frozenset(
    {
        "annotationsPerItem",
        "dataAnnotationProtocol",
        "dataCollection",
        "dataCollectionMissingData",
        "dataCollectionRawData",
        "dataManipulationProtocol",
        "dataReleaseMaintenancePlan",
    }
)
"""Properties that take one text (the plan by mlcroissant alone; the specification lets it have several)."""


def _one_or_many(name: str, lines: list[str]) -> str | list[str]:
    return "; ".join(lines) if name in _ONE else lines


def _missing(metrics: Mapping[str, Any]) -> Iterator[str]:
    records = metrics["published"]["records"]
    for name, column in sorted(metrics["columns"].items()):
        if column["missing"]:
            yield f"{name}: null or blank in {number(column['missing'])} of {number(records)} records"


def _raw(metrics: Mapping[str, Any]) -> Iterator[str]:
    if inputs := metrics["inputs"]:
        yield f"{number(inputs['files'])} files, {number(inputs['bytes'])} bytes"
    if sources := metrics["sources"]:
        yield from _spread("source", sources)


def _steps(view: View) -> Iterator[str]:
    funnel = view.metrics["funnel"] or {}
    for stage in stages(view.lock) if view.lock else ():
        if (step := funnel.get(stage)) is None:
            continue
        done = [
            f"dropped for {view.words.name('reason', reason)}: {number(count)}"
            for reason, count in sorted(step["dropped"].items())
        ]
        done += [f"{key}: {number(step[key])}" for key in ("expanded", "made") if step[key]]
        yield f"{view.words.name('stage', stage)}: {'; '.join(done) or 'no record dropped'}"


def _replaced(view: View) -> Iterator[str]:
    processing, pii = view.metrics["processing"], view.metrics["pii"]
    if processing and processing["anonymised"] and pii["replaced"] is not None:
        yield (
            f"personal data replaced by {processing['replacement']}s: {number(pii['replaced'])} of "
            f"{number(pii['found'])} found, in {number(pii['records_changed'])} records"
        )


def _labels(metrics: Mapping[str, Any]) -> Iterator[str]:
    for scheme, labels in sorted(metrics["labels"].items()):
        yield f"{scheme}: {'; '.join(_spread('value', labels))}; abstained: {number(labels['abstained'])}"
        if agreement := labels["agreement"]:
            yield (
                f"{scheme}: {number(agreement['records'])} records labelled by two of {agreement['people']} "
                f"people or more; Krippendorff's alpha {number(agreement['alpha'])}, observed agreement "
                f"{number(agreement['observed'])}"
            )
        if precision := labels["precision"]:
            yield (
                f"{scheme}: of {number(precision['labelled'])} labels drawn at random, people confirm "
                f"{number(precision['right'])}; precision at least {number(precision['lower95'])} at 95 %"
            )


def _per_item(metrics: Mapping[str, Any]) -> Iterator[str]:
    for scheme, labels in sorted(metrics["labels"].items()):
        people = sum(count for method, count in labels["methods"].items() if method in BY_PEOPLE)
        yield f"{scheme}: {number(people)} labels by people for {number(labels['records'])} labelled records"


def _machines(metrics: Mapping[str, Any]) -> Iterator[str]:
    for scheme, labels in sorted(metrics["labels"].items()):
        for method, count in sorted(labels["methods"].items()):
            if method not in BY_PEOPLE:
                yield f"{scheme}: {method}, {number(count)} labels"
    if rescan := metrics["pii"]["residual"]["rescan"]:
        yield f"personal data: {rescan['detector']}"


def _skews(metrics: Mapping[str, Any]) -> Iterator[str]:
    """How unevenly the records spread: a fact; whether it is a bias depends on the use."""
    spreads = {"region": metrics["regions"], "issuer": metrics["issuers"], "source": metrics["sources"]}
    for name, spread in (*spreads.items(), *sorted(metrics["fields"].items())):
        if spread:
            yield from _spread(name, spread)
    for scheme, labels in sorted(metrics["labels"].items()):
        yield from _spread(f"label {scheme}", labels)
    if (time := metrics["time"]) and time["by_year"]:
        total = sum(time["by_year"].values())
        years = (f"{year} {share(count, total)}" for year, count in sorted(time["by_year"].items()))
        yield f"year: {', '.join(years)}"


def _spread(name: str, spread: Mapping[str, Any]) -> Iterator[str]:
    total = sum(spread["values"].values()) + spread["others"]["records"]
    ranked = sorted(spread["values"].items(), key=lambda item: (-item[1], item[0]))
    named = [f"{value} {share(count, total)}" for value, count in ranked]
    if others := spread["others"]["values"]:
        named.append(f"{others} others {share(spread['others']['records'], total)}")
    if named:
        yield f"{name}: {', '.join(named)}"


def _limits(view: View) -> Iterator[str]:
    answers = view.answers
    if answers.limits:
        yield from answers.limits.lines("en")
    if answers.forbidden_uses:
        yield from (f"not to be used: {line}" for line in answers.forbidden_uses.lines("en"))
    for key in sorted(view.metrics["unmeasured"]):
        yield f"{key}: {view.unmeasured(key)}"


def _personal(view: View) -> Iterator[str]:
    pii = view.metrics["pii"]
    if pii["by_type"] is None:
        yield f"found and replaced: {view.unmeasured('pii.found')}"
    for kind, each in sorted((pii["by_type"] or {}).items()):
        yield (
            f"{view.words.name('type', kind)}: found {number(each['found'])}, replaced "
            f"{number(each['replaced'])}, kept by policy {number(each['kept'])}"
        )
    residual = pii["residual"]
    if (upper := residual["document_upper95"]) is not None and (audit := residual["audit"]):
        read, held = number(audit["records"]), number(audit["with_findings"])
        yield (
            f"left, as read by people: in {held} of {read} records drawn at random; "
            f"in at most {100 * upper:.2f}% of all records at 95 % (Clopper-Pearson)"
        )
    else:
        key = "pii.residual.audit" if residual["audit"] is None else "pii.residual.document_upper95"
        yield f"left, as read by people: {view.unmeasured(key)}; there is no bound"
    if rescan := residual["rescan"]:
        looked, of, touched = (number(rescan[key]) for key in ("records", "of", "records_with_findings"))
        yield (
            f"left, as {rescan['detector']} finds it in {looked} of {of} records: in {touched}; "
            "it misses again what it missed before"
        )
    else:
        yield f"left, as found by a program: {view.unmeasured('pii.residual.rescan')}"
    if view.answers.consent:
        yield f"consent: {view.answers.consent.text('en')}"
    for source, basis in sorted(view.answers.legal_basis.items()):
        yield f"legal basis ({'all other sources' if source == '*' else source}): {basis.text('en')}"
