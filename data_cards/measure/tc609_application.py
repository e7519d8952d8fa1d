"""TC609-5-2025-04, 03: whether the data are of use: diverse, enough, of their time, rightly labelled, and
better for a model than nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.errors import UsageError
from curation.files import json_object
from curation.run import LOCK
from data_cards.measure.origin import iso_date
from data_cards.measure.sample import Sample

if TYPE_CHECKING:
    from data_cards.answers import Answers
    from data_cards.dataset import Dataset
    from data_cards.options import Options

Scored = tuple[float | None, str]

EVALUATION = "evaluation.json"
"""What `govtune evaluate` writes into the folder of a training."""


def scores(
    dataset: Dataset, sample: Sample, found: Mapping[str, Any], answers: Answers, options: Options
) -> dict[str, Scored]:
    return {
        "0301": _diversity(found),
        "0302": _scale(found, answers),
        "0303": _timeliness(dataset, sample, answers),
        "0304": _accuracy(found),
        "0305": _suitability(dataset, found, options.training),
    }


def require_training(folder: Path) -> None:
    """Refuse a folder without the result of an evaluation.

    Raises:
        UsageError: there is none.
    """
    if not (folder / EVALUATION).is_file():
        raise UsageError(f"{folder}: no {EVALUATION}; make one with govtune evaluate {folder}")


def _diversity(found: Mapping[str, Any]) -> Scored:
    """The mean of what is known: clusters per record (1: no two are near duplicates), and of each scheme of
    labels `entropy`, the evenness of its values (Pielou 1966)."""
    parts, of = [], []
    if found["clusters"] and found["published"]["records"]:
        parts.append(found["clusters"]["number"] / found["published"]["records"])
        of.append("clusters")
    parts += [one["entropy"] for one in found["labels"].values() if one["entropy"] is not None]
    if len(parts) > len(of):
        of.append("labels")
    return (float(np.mean(parts)), "_".join(["diversity", *of])) if parts else (None, "no_clusters")


def _scale(found: Mapping[str, Any], answers: Answers) -> Scored:
    """Published records, of those that card.yaml names as the target (`target_records`)."""
    if answers.target_records is None:
        return None, "not_given"
    return min(found["published"]["records"] / answers.target_records, 1.0), "records_of_target"


def _timeliness(dataset: Dataset, sample: Sample, answers: Answers) -> Scored:
    """Dated records whose date lies in the period that card.yaml names (`target_period`); a date without day
    or month counts where the period may hold it."""
    if answers.target_period is None:
        return None, "not_given"
    column = dataset.roles.columns.get("original_time")
    dates = iso_date(sample.drawn[column].cast(pa.string()).combine_chunks()).drop_null() if column else []
    if not len(dates):
        return None, "no_dates"
    first, last = answers.target_period
    begins = pc.greater_equal(pc.binary_join_element_wise(dates, pa.scalar("~"), ""), first)
    ends = pc.less_equal(dates, f"{last}~")
    return float(np.asarray(pc.and_(begins, ends)).mean()), "dates_in_period"


def _accuracy(found: Mapping[str, Any]) -> Scored:
    """The lower bound of the precision that people measured; of several schemes the lowest."""
    if not found["labels"]:
        return None, "no_labels"
    read = [one["precision"]["lower95"] for one in found["labels"].values() if one.get("precision")]
    return (min(read), "precision_lower_bound") if read else (None, "not_read_by_people")


def _suitability(dataset: Dataset, found: Mapping[str, Any], training: Path | None) -> Scored:
    """Of what the base gets wrong on held-out examples, the share that tuning on these data puts right, at
    the least: the lower limit of the paired 95 % interval of `evaluation.json`."""
    if training is None:
        return None, "not_given"
    lock, said = json_object(training / LOCK), json_object(training / EVALUATION)
    if lock is None or said is None:
        return None, "not_run"
    learnt = (lock.get("data") or {}).get("sha256")
    own = [found["lock"]["sha256"]] if found["lock"] else [one["sha256"] for one in found["files"].values()]
    if learnt not in own:
        return None, "other_data"
    difference = said.get("difference")
    if not isinstance(difference, dict):
        return None, "not_measured"
    figure = next(name for name in difference if name != "interval")
    room = 1 - said["base"][figure]
    if room <= 0:
        return None, "no_room"
    return float(min(max(difference["interval"][0] / room, 0.0), 1.0)), "gain_over_base"
