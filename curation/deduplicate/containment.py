"""Which texts stand whole in a longer one: a notice quoted in a letter.

A kept text goes if a longer kept one has at least a given share of its distinct 5-grams and the two are not
similar as wholes (that is for `near` to judge). The longest is judged first, so the text that contains
another always stays, and each share is exact. A text shorter than SHORTEST never goes: a short question in a
letter is no quotation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import regex
from numpy.typing import NDArray

from curation.deduplicate import runs
from curation.deduplicate.compare import Pairs, all_pairs, are_few, overlaps
from curation.deduplicate.contents import HELD, Contents, FetchTexts
from curation.deduplicate.shingles import SIZE, shingle_hashes
from curation.deduplicate.verdict import Rows
from curation.deduplicate.veto import signatures
from curation.deduplicate.winnow import SHORTEST, candidate_pairs

LEAST = 0.8
"""The smallest share that may be asked for. One changed character costs five shingles, so a text of which a
fifth is missing may have no fingerprint in common with the text that contains it."""

_SENTENCE_END = regex.compile(r"[。！？!?；;\n]+")


@dataclass(frozen=True)
class Containment:
    """What the search for contained texts goes by.

    Attributes:
        share: of a text's distinct 5-grams that must stand in the longer one, LEAST to 1.
        fingerprints: of each row, see `winnow.fingerprints`.
        rows: the row of each distinct text.
        fetch: the texts of some rows; asked for where a veto has to read.
    """

    share: float
    fingerprints: pa.ChunkedArray
    rows: Rows
    fetch: FetchTexts


@dataclass(frozen=True)
class Contained:
    """Which texts go into which.

    Attributes:
        pairs: a text that goes and the kept text that contains it.
        shares: of the 5-grams of the first that stand in the second, exact.
        kin: pairs of kept texts of which the first is contained, too, but not without a loss.
    """

    pairs: Pairs
    shares: NDArray[np.float64]
    kin: Pairs


def find_contained(
    asked: Containment,
    contents: Contents,
    survivor: Rows,
    rank: Rows,
    *,
    threshold: float,
    vetoes: Sequence[str],
) -> Contained:
    """The kept texts that go into longer ones, each with all that it is the survivor of.

    With vetoes, the sentences of the short text that are not word for word in the long one must hold nothing
    that a veto reads; what the long one says besides does not matter. (Where a number is cut by the very
    beginning or end of the short text, 5 out of 15 passes.)

    Args:
        survivor: of each text after near duplicates went; a text goes only if all its followers go with it.
        rank: among texts that contain the same share the smallest is named.
        threshold: texts at least so similar were judged as near duplicates or variants.
    """
    kept = np.flatnonzero((survivor == np.arange(len(survivor))) & (contents.lengths >= SHORTEST))
    if are_few(contents.lengths[kept]):
        pairs = all_pairs(kept)
    else:
        lists = asked.fingerprints.take(pa.array(asked.rows[kept])).combine_chunks()
        pairs = kept[candidate_pairs(lists, contents.lengths[kept], asked.share)]
    pairs = _short_and_long(pairs, contents.lengths)
    share, similar = _shares(pairs, contents)
    holds = (share >= asked.share) & (similar < threshold)
    pairs, share = pairs[holds], share[holds]
    losing = _loses(asked, pairs, share, contents, vetoes)
    # Whoever stands for others takes them along: each of them must be contained itself.
    follower = np.flatnonzero(survivor != np.arange(len(survivor)))
    follows, of = _followers(follower, survivor[follower], pairs)
    theirs = np.stack((follows, pairs[of, 1]), axis=1)
    their_share, _ = _shares(theirs, contents)
    stay = (their_share < asked.share) | (contents.lengths[theirs[:, 0]] >= contents.lengths[theirs[:, 1]])
    stay |= contents.lengths[follows] < SHORTEST
    stay[~stay] = _loses(asked, theirs[~stay], their_share[~stay], contents, vetoes)
    losing[of[stay]] = True
    into = _into(pairs[~losing], share[~losing], contents.lengths, rank)
    chosen = np.flatnonzero(~losing)[into]
    along = np.isin(of, chosen)
    stays = ~np.isin(pairs[:, 0], pairs[chosen, 0])
    return Contained(
        pairs=np.concatenate((pairs[chosen], theirs[along])),
        shares=np.concatenate((share[chosen], their_share[along])),
        kin=pairs[stays],
    )


def _short_and_long(pairs: Pairs, lengths: Rows) -> Pairs:
    """The pairs of texts of different lengths, the shorter first."""
    one, other = lengths[pairs].T
    pairs = np.where((one < other)[:, None], pairs, pairs[:, ::-1])[one != other]
    return pairs[np.lexsort(pairs.T)]  # those of one long text together


def _shares(pairs: Pairs, contents: Contents) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What share of the first text's 5-grams stands in the second; and how similar the two are."""
    common, first, second = overlaps(pairs, contents).T
    return common / first, common / (first + second - common)


def _loses(
    asked: Containment,
    pairs: Pairs,
    share: NDArray[np.float64],
    contents: Contents,
    vetoes: Sequence[str],
) -> NDArray[np.bool_]:
    """Whether a veto reads something in the sentences of the first text that the second has not like that."""
    loses = np.zeros(len(pairs), bool)
    partly = np.flatnonzero(share < 1) if vetoes else np.empty(0, np.int64)
    sizes = contents.sizes[pairs[partly]].sum(axis=1) + 2 * contents.lengths[pairs[partly, 0]]
    for block in runs.slices(np.cumsum(sizes) // HELD):
        some = partly[block]
        texts = runs.unique(pairs[some, 0])
        short = dict(zip(texts.tolist(), asked.fetch(asked.rows[texts]), strict=True))
        contents.hold(runs.unique(pairs[some, 1]))
        lost = [
            _lost(short[one], contents.shingles(np.array([other]))[0]) for one, other in pairs[some].tolist()
        ]
        said = signatures(["", *lost], vetoes)
        loses[some] = said[1:] != said[0]
    return loses


def _lost(text: str, others: NDArray[np.uint64]) -> str:
    """The sentences of a text that are not word for word among these shingles."""
    missing = np.flatnonzero(~np.isin(shingle_hashes([text])[0], others))
    ends = np.array([match.end() for match in _SENTENCE_END.finditer(text)], np.int64)
    touched = np.searchsorted(ends, missing[:, None] + np.arange(SIZE), side="right")
    bounds = np.concatenate(([0], ends, [len(text)])).tolist()
    return "\n".join(text[bounds[at] : bounds[at + 1]] for at in runs.unique(touched.ravel()).tolist())


def _followers(follower: Rows, survivor: Rows, pairs: Pairs) -> tuple[Rows, Rows]:
    """For each pair all that its first text is the survivor of; which text, and of which pair."""
    order = np.argsort(survivor, kind="stable")
    begin = np.searchsorted(survivor[order], pairs[:, 0])
    count = np.searchsorted(survivor[order], pairs[:, 0], side="right") - begin
    of = np.repeat(np.arange(len(pairs)), count)
    place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    return follower[order[begin[of] + place]], of


def _into(pairs: Pairs, share: NDArray[np.float64], lengths: Rows, rank: Rows) -> list[int]:
    """Longest first: the pairs by which texts go, the second of each being one that stays."""
    order = np.lexsort((rank[pairs[:, 1]], -share, pairs[:, 0], -lengths[pairs[:, 0]])).tolist()
    gone: set[int] = set()
    chosen = []
    for at, (one, other) in zip(order, pairs[order].tolist(), strict=True):
        if one not in gone and other not in gone:
            gone.add(one)
            chosen.append(at)
    return chosen
