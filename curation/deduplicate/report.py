"""What deduplication did, to look at: a curve over thresholds, pairs with their differences, large clusters.

The text is fetched for what is shown, and goes to the screen or the notebook's cell only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from curation.deduplicate import runs
from curation.deduplicate.columns import numbers, packed, unpacked
from curation.deduplicate.containment import Containment
from curation.deduplicate.contents import FetchTexts, Texts
from curation.deduplicate.exact import digests, distinct
from curation.deduplicate.keep import preferences
from curation.deduplicate.minhash import band_keys
from curation.deduplicate.near import find_duplicates
from curation.deduplicate.normalise import normalised
from curation.deduplicate.shown import Cluster, Pair, Relation, Shown, Step, step_of
from curation.deduplicate.stage import DeduplicateParams
from curation.deduplicate.thresholds import Material, lowest
from curation.deduplicate.verdict import Rows, Verdict
from curation.deduplicate.veto import signatures
from curation.deduplicate.winnow import fingerprints
from curation.lang import Lang

NAMES = 8
"""Members of a cluster that are named."""

THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def study(
    texts: Sequence[str],
    ids: Sequence[str] | None = None,
    *,
    threshold: float = 0.8,
    vetoes: Sequence[str] = (),
    rank: Sequence[int] | None = None,
    containment: float | None = None,
    lang: Lang = "zh",
) -> Study:
    """`find_duplicates` to look at.

    Args:
        ids: shown instead of row numbers.
        threshold, vetoes, rank, containment: as in `find_duplicates`, whose verdict this is.
        lang: of the labels.
    """
    verdict = find_duplicates(texts, threshold=threshold, vetoes=vetoes, rank=rank, containment=containment)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    preference = np.arange(len(texts)) if rank is None else np.asarray(rank, np.int64)
    same = distinct(digests(texts), lengths, [preference])

    def fetch(rows: Rows) -> list[str]:
        return [texts[row] for row in rows.tolist()]

    def name(row: int, lang: Lang) -> str:
        return str(row if ids is None else ids[row])

    floor = lowest(threshold)
    material = Material(
        same,
        Texts(same.best, lengths[same.best], fetch),
        band_keys(fetch(same.best), floor),
        [preference[same.best]],
        vetoes,
        None
        if containment is None
        else Containment(containment, pa.chunked_array([fingerprints(texts)]), same.best, fetch),
        floor,
    )
    return Study(verdict, threshold, material, name, fetch, lang)


class Studied(DeduplicateParams):
    """The parameters of a run that is looked at: summaries hold, besides, the bands that the curve needs."""

    @property
    def own(self) -> float | None:
        """The run's threshold; None where only identical texts go."""
        return self.threshold if self.method == "near" else None

    def summarise(self, texts: Sequence[str], facts: pa.Table) -> pa.Table:
        bands = band_keys(normalised(texts, self.normalise), lowest(self.own))
        return super().summarise(texts, facts).append_column("curve", packed(bands))

    def study(
        self, summary: pa.Table, fetch: FetchTexts, verdict: Verdict, place: Callable[[int], tuple[str, int]]
    ) -> Study:
        """The run to look at, after its verdict.

        Args:
            summary: of all rows.
            place: the file of a row, and its number there.
        """
        ids = summary["id"].combine_chunks()
        lengths = numbers(summary["length"])
        prefer = preferences(self.keep, summary, self.source_priority)
        same = distinct(unpacked(summary["digest"], np.uint64), lengths, prefer, ids)
        compared = self.normalised(fetch)
        material = Material(
            same,
            Texts(same.best, lengths[same.best], compared),
            unpacked(summary["curve"], np.uint32)[same.best],
            [preference[same.best] for preference in prefer],
            self.veto,
            None
            if self.containment is None
            else Containment(self.containment, summary["fingerprints"], same.best, compared),
            lowest(self.own),
            self.normalise,
        )

        def name(row: int, lang: Lang) -> str:
            file, number = place(row)
            return ids[row].as_py() or (f"{file} 第 {number} 行" if lang == "zh" else f"{file} row {number}")

        return Study(verdict, self.own, material, name, fetch)


class Study:
    """What deduplication did, and would do at other thresholds: the last line of a notebook's cell shows it.

    Args:
        verdict: of the run.
        threshold: of the run; None where only identical texts went.
        material: what verdicts at other thresholds are made of.
        name: the id or the place of a row.
        fetch: the texts of some rows, as they were given.
        lang: of the labels.
    """

    def __init__(
        self,
        verdict: Verdict,
        threshold: float | None,
        material: Material,
        name: Callable[[int, Lang], str],
        fetch: FetchTexts,
        lang: Lang = "zh",
    ) -> None:
        self.verdict, self.threshold, self.lang = verdict, threshold, lang
        self._material, self._name, self._fetch = material, name, fetch

    def __repr__(self) -> str:
        return f"<Study: {len(self.verdict.ref)} texts, threshold {self.threshold}>"

    def __str__(self) -> str:
        return self.text()

    def text(self, *, examples: int = 5, width: int = 100, colour: bool = False) -> str:
        """Everything as lines for a terminal.

        Args:
            examples: pairs and clusters of each kind.
            width: of the terminal; 0 does not break lines.
        """
        from curation.deduplicate.display import study_text

        return study_text(self, examples, width, colour)

    def _repr_html_(self) -> str:
        from curation.deduplicate.display import study_html

        return study_html(self, examples=5)

    @cached_property
    def curve(self) -> list[Step]:
        """What each of `THRESHOLDS` does, and the run's own."""
        told = {threshold for threshold in THRESHOLDS if threshold >= self._material.lowest}
        steps = [
            step_of(self.rethreshold(threshold), threshold, self.threshold) for threshold in sorted(told)
        ]
        if self.threshold not in told:
            steps.append(step_of(self.verdict, self.threshold, self.threshold))
        return sorted(steps, key=lambda step: 2 if step.threshold is None else step.threshold)

    def rethreshold(self, threshold: float) -> Verdict:
        """The verdict at another threshold; nothing that was compared is compared again.

        Raises:
            ValueError: candidates were not looked for so low: below `thresholds.LOWEST` and the run's own.
        """
        if threshold == self.threshold:
            return self.verdict
        if not self._material.lowest <= threshold <= 1:
            raise ValueError(f"threshold {threshold}: {self._material.lowest} to 1 can be looked at")
        return self._material.verdict(threshold)

    def least_similar(self, n: int = 5) -> Shown:
        """The merged pairs that are least similar."""
        return self.pairs(n=n)

    def variants(self, n: int = 5) -> Shown:
        """The most similar pairs that a veto keeps apart, one of each cluster."""
        rows = self._related("variant_of")
        rows = rows[np.argsort(-self.verdict.score[rows], kind="stable")]
        first = np.unique(self.verdict.cluster[rows], return_index=True)[1]
        return self._shown(rows[np.sort(first)][:n])

    def pairs(
        self,
        relation: Relation = "duplicate_of",
        *,
        between: tuple[float, float] = (0, 1),
        n: int | None = None,
    ) -> Shown:
        """Pairs of a similarity `between` two numbers, the least similar first; none of identical texts."""
        rows = self._related(relation)
        score = self.verdict.score[rows]
        rows = rows[(score >= between[0]) & (score <= between[1])]
        return self._shown(rows[np.argsort(self.verdict.score[rows], kind="stable")][:n])

    def clusters(self, n: int = 5) -> list[Cluster]:
        """The largest clusters."""
        label = self.verdict.cluster
        sizes = np.bincount(label, minlength=len(label))
        largest = np.argsort(-sizes, kind="stable")[:n]
        return [self._cluster(best) for best in largest.tolist() if sizes[best] > 1]

    def first_of(self, cluster: Cluster) -> str:
        """The text of the cluster's best-ranked member."""
        return self._fetch(np.array(cluster.rows[:1]))[0]

    def _related(self, relation: Relation) -> Rows:
        return np.flatnonzero((self.verdict.relation == relation) & ~self.verdict.exact)

    def _shown(self, rows: Rows) -> Shown:
        refs = self.verdict.ref[rows]
        needed = runs.unique(np.concatenate((rows, refs)))
        texts = dict(zip(needed.tolist(), self._fetch(needed) if len(needed) else (), strict=True))
        return Shown(self._pair(row, texts) for row in rows.tolist())

    def _pair(self, row: int, texts: dict[int, str]) -> Pair:
        ref = int(self.verdict.ref[row])
        relation: Relation = self.verdict.relation[row]
        apart: tuple[str, ...] = ()
        if relation == "variant_of":
            both = normalised([texts[row], texts[ref]], self._material.normalise)
            marks = ((veto, signatures(both, [veto])) for veto in self._material.vetoes)
            apart = tuple(veto for veto, (one, other) in marks if one != other)
        return Pair(
            row=row,
            ref=ref,
            name=self._name(row, self.lang),
            ref_name=self._name(ref, self.lang),
            relation=relation,
            score=float(self.verdict.score[row]),
            contained=bool(self.verdict.contained[row]),
            apart=apart,
            text=texts[row],
            ref_text=texts[ref],
            lang=self.lang,
        )

    def _cluster(self, best: int) -> Cluster:
        rows = np.flatnonzero(self.verdict.cluster == best)
        rows = np.concatenate(([best], rows[rows != best]))
        step = step_of(self.verdict, None, None, rows)
        return Cluster(
            rows=rows.tolist(),
            names=[self._name(row, self.lang) for row in rows[:NAMES].tolist()],
            kept=step.kept,
            exact=step.exact,
            near=step.near,
            contained=step.contained,
            variants=step.variants,
        )
