"""Whether a data set is what its card says: every number and digest computed again and compared.

An edit by hand of the card, the metrics, the data or the ledger is found even where the lock was patched to
match, because nothing is believed that can be computed: data, ledger and findings come again from the run's
partitions, the numbers from data and ledger, the texts and figures from the numbers. Who rewrites all of
it, partitions included, is found by the digest of the lock alone, where people wrote it down (`--digest`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from curation.derive import remembered
from curation.errors import InputError, UsageError
from curation.lang import Lang
from curation.run import Run
from data_cards.answers import Answers, Said
from data_cards.answers import read as read_answers
from data_cards.check import lock as locks
from data_cards.check import numbers, personal, rows, texts
from data_cards.dataset import is_run, of_run, open_folder
from data_cards.facts import Facts
from data_cards.foreign import CARD
from data_cards.measure import FROM_LEDGER, read_lock
from data_cards.metrics import SCHEMA
from data_cards.options import Options
from data_cards.options import read as read_options
from data_cards.outputs import METRICS, PREVIOUS, outputs, private_outputs, read_metrics
from data_cards.policy import Gate, Outcome, judge

GROUPS = ("lock", "files", "rows", "numbers", "texts", "formats", "figures", "personal_data")
"""What is checked, in this order; one test case each in the JUnit file."""


CONTACTS = ("owner", "contact", "support", "access")
"""Answers that tell whom to ask: a name or a telephone number there is meant to be read."""


@dataclasses.dataclass
class CheckResult:
    """What is wrong, and what could not be looked at.

    Attributes:
        checks: by group, one line for each fault.
        gates: what became of the expressions of a policy.
        metrics: what was measured, as far as it could be.
    """

    checks: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {name: [] for name in GROUPS})
    notes: list[str] = dataclasses.field(default_factory=list)
    gates: list[Outcome] = dataclasses.field(default_factory=list)
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """All faults; a gate that was not met is none of them."""
        return [problem for found in self.checks.values() for problem in found]

    @property
    def passed(self) -> bool:
        return not self.problems and all(gate.met for gate in self.gates)

    def found(self, group: str, problems: Iterable[str]) -> None:
        """Take faults into a group; what cannot be read at all is one."""
        try:
            self.checks[group] += problems
        except InputError as error:
            self.checks[group].append(str(error))

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        gates = [dataclasses.asdict(gate) for gate in self.gates]
        told = {"problems": self.problems, "notes": self.notes, "checks": self.checks, "gates": gates}
        return {"passed": self.passed, **told}


def check(
    folder: Path,
    private: Path | None,
    *,
    card: Path | None = None,
    options: Options | None = None,
    digest: str | None = None,
) -> CheckResult:
    """Compare a data set with its card, and a run with its partitions and its lock too.

    Args:
        private: a run's private folder, or None for a published copy: what comes from the ledger is then
            taken from `metrics.json` unchecked, and a note says so.
        card: folder of the card's files, where they do not lie beside the data.
        options: instead of those that the card was built with.
        digest: of the lock, as people wrote it down when they signed.

    Raises:
        UsageError: `folder` is no data set, or has no card.
    """
    place = card or folder
    stated = _stated(place)
    if not is_run(folder):
        if stated is None and not (place / CARD).exists():
            raise UsageError(f"{place}: has no {METRICS} and no {CARD}; make them with govtune card build")
        if digest is not None:
            raise UsageError(f"{folder}: no run of govtune, so it has no lock to compare --digest with")
    result = CheckResult()
    run = Run(folder, private) if is_run(folder) else None
    if run:
        _check_run(run, private, digest, result)
    answers = _answers(place, result)
    if stated is None:
        result.checks["numbers"].append(f"{METRICS}: missing or not a JSON object")
        return result
    options = options or options_of(folder, private, card)
    try:
        dataset = of_run(run) if run else open_folder(folder, options)
        result.metrics = numbers.measured(
            dataset,
            options,
            answers,
            stated,
            has_ledger=private is not None,
            knows_options=private is not None and card is None,
            notes=result.notes,
        )
    except InputError as error:
        result.checks["numbers"].append(str(error))
        return result
    except ValidationError:
        result.checks["numbers"].append(f"{METRICS}: not of schema {SCHEMA}")
        return result
    lock = read_lock(run) if run else None
    if lock:
        result.found("numbers", locks.totals(result.metrics, lock))
    result.found("numbers", numbers.faults(place, stated, result.metrics))
    before = _previous(place, options, private is not None and card is None, result)
    facts = Facts(result.metrics, lock, answers, before)
    lang = options.lang if private and card is None else texts.language(place) or options.lang
    _compare_texts(place, facts, lang, result)
    result.found("formats", texts.described(folder, place))
    result.found("figures", texts.pictures(place, facts, options, result.notes))
    if private and card is None:
        result.found("texts", texts.rendered(private, private_outputs(dataset, facts, options)))
    return result


def _check_run(run: Run, private: Path | None, digest: str | None, result: CheckResult) -> None:
    """Lock, data files and rows of a run."""
    lock = read_lock(run)
    known = remembered(run) if private else None
    result.found("lock", locks.faults(run, lock, known, digest))
    result.found("files", locks.files(run.folder, lock))
    if private:
        result.found("rows", rows.faults(run, lock, known, result.notes))
    else:
        result.notes.append(f"no private folder: {', '.join(FROM_LEDGER)} could not be computed again")
        result.found("rows", rows.columns(run, lock))
        result.found("rows", rows.ids(run))


def options_of(
    folder: Path, private: Path | None, card: Path | None = None, given: Mapping[str, Any] | None = None
) -> Options:
    """The options that a card was built with, kept in the private folder or told by the metrics.

    Args:
        given: those that are named now.
    """
    if is_run(folder):
        known = read_options(private) if private and card is None else Options()
    else:
        said = (_stated(card or folder) or {}).get("dataset")
        keys = ("text_fields", "label_fields", "config")
        told = {key: said[key] for key in keys if said.get(key)} if isinstance(said, Mapping) else {}
        try:
            known = Options.model_validate(told)
        except ValidationError:
            known = Options()
    return known.model_copy(update=dict(given or {}))


def judged(result: CheckResult, gates: Sequence[Gate], place: Path) -> CheckResult:
    """The result with the outcomes of gates.

    Raises:
        UsageError: a gate's key is none.
    """
    if not gates or not result.metrics:
        failed = [Outcome(gate.text, False, None, "nothing could be measured") for gate in gates]
        return dataclasses.replace(result, gates=failed)
    answers = _answers(place, CheckResult()).model_dump(mode="json")
    return dataclasses.replace(result, gates=judge(gates, result.metrics, answers))


def _answers(folder: Path, result: CheckResult) -> Answers:
    try:
        return read_answers(folder)
    except UsageError as error:
        result.checks["texts"].append(str(error))
        return Answers()


def _stated(folder: Path) -> dict[str, Any] | None:
    try:
        stated = orjson.loads((folder / METRICS).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return stated if isinstance(stated, dict) else None


def _previous(
    place: Path, options: Options, options_known: bool, result: CheckResult
) -> dict[str, Any] | None:
    """Metrics of the version before: read again where they are, else as the card's folder states them."""
    if options.previous and options.previous.exists():
        try:
            return read_metrics(options.previous)
        except UsageError as error:
            result.checks["texts"].append(str(error))
            return None
    if not (place / PREVIOUS).exists() or (options_known and not options.previous):
        return None
    try:
        stated = read_metrics(place / PREVIOUS)
    except UsageError as error:
        result.checks["texts"].append(str(error))
        return None
    result.notes.append(f"{PREVIOUS}: could not be compared with the version before; name it with --previous")
    return stated


def _compare_texts(folder: Path, facts: Facts, lang: Lang, result: CheckResult) -> None:
    """Everything that is written about the data against the same rendered now."""
    try:
        right = outputs(facts, lang)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        result.checks["texts"].append(f"cannot be rendered from {METRICS}: {type(error).__name__}")
        return
    drawn = {name: text for name, text in right.items() if name.endswith(".svg")}
    result.found("figures", texts.rendered(folder, drawn))
    result.found("texts", texts.rendered(folder, {n: t for n, t in right.items() if n not in drawn}))
    result.found("texts", texts.strangers(folder, right, is_run=facts.lock is not None))
    result.found("formats", texts.formats(folder, right))
    contacts = [text for name in CONTACTS for text in _said(facts.answers, name)]
    shown = texts.shown(folder, right)
    result.found("personal_data", personal.faults(shown, contacts, facts.lock, result.notes))


def _said(answers: Answers, name: str) -> tuple[str, ...]:
    said: Said | None = getattr(answers, name)
    return (*said.lines("zh"), *said.lines("en")) if said else ()
