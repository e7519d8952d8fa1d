"""TC609-5-2025-04, 0208: whether texts are clean, by the metrics for text 02080101 to 02080107.

Perplexity, density of knowledge and coherence need a language model and are not guessed. The others are
shares of texts that pass a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_cards.measure.sample import Sample
from data_cards.measure.tc609_records import has_content, messages, texts

if TYPE_CHECKING:
    from data_cards.dataset import Dataset

Scored = tuple[float | None, str]

REPEATED = 0.3
"""Share of the sentences of a text that may stand in it before: the bound for lines of Rae et al. 2021,
"Scaling Language Models: Methods, Analysis & Insights from Training Gopher", table A1."""

SENTENCES = 4
"""A text of fewer sentences repeats nothing."""

WHOLE = 20
"""A shorter text, such as a title or the name of a label, need not be a sentence."""

_SENTENCE_END = r"[。！？!?；;\n]+"
_ENDED = r"(?:[。！？!?.…；;：:~～)）\]】」』”\"’》]|[日号年月]|[0-9])\s*$"
"""How a text ends: with the end of a sentence, a bracket, a placeholder, or the date of a letter."""

_PLACEHOLDER = r"\[\p{Han}{1,10}\]|\[[A-Z]{2,12}号\]"
_ANSWERING = ("assistant", "gpt", "bot", "model")
"""Roles of those who answer."""

_SIGNS = r"[\pP\pS\pZ\pC\s]*"
_NOTHING = (
    rf"^{_SIGNS}(?:无|略|同上|见附件|详见附件|附件|测试|待补充|暂无|空|null|none|nan|n/a|test)?{_SIGNS}$"
)
"""Text that says nothing: signs alone, or a word that stands for nothing."""

_UNREADABLE = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\x{200b}\x{feff}\x{fffd}]|锟斤拷|烫烫烫|屯屯屯"
    r"|(?:锛|銆|鈥).?(?:锛|銆|鈥|\p{Han})"
)
"""Control characters, and Chinese that was decoded by the wrong code: UTF-8 read as GBK, GBK filled up."""

_HTML = (
    r"(?i)</?(?:p|div|span|br|table|tbody|tr|td|a|img|font|script|style|b|strong|ul|li|h[1-6])(?:\s[^<>]*)?/?>"
    r"|&(?:nbsp|amp|lt|gt|quot|#[0-9]{1,5});"
)


def scores(dataset: Dataset, sample: Sample) -> dict[str, Scored]:
    """`0208` and its parts."""
    said = _said(dataset, sample.drawn)
    written = _said(dataset, sample.drawn, answers_only=True)
    needs = (None, "needs_model")
    parts: dict[str, Scored] = {
        "02080101": needs,
        "02080102": needs,
        "02080103": _repetition(said),
        "02080104": _wholeness(written),
        "02080105": _presence(dataset, sample),
        "02080106": _purity(said),
        "02080107": needs,
    }
    known = [share for share, _ in parts.values() if share is not None]
    whole: Scored = (float(np.mean(known)), "mean_of_parts") if known else (None, "no_text")
    return {"0208": whole, **parts}


def _repetition(said: pa.Array) -> Scored:
    """Texts of which no more than `REPEATED` of the sentences have stood before in the same text."""
    if not len(said):
        return None, "no_text"
    lists = pc.split_pattern_regex(said, _SENTENCE_END)
    sentences = pa.table({"row": pc.list_parent_indices(lists), "sentence": pc.list_flatten(lists)})
    sentences = sentences.filter(pc.not_equal(pc.utf8_trim_whitespace(sentences["sentence"]), ""))
    all_of = np.bincount(np.asarray(sentences["row"]), minlength=len(said))
    once = sentences.group_by(["row", "sentence"]).aggregate([])
    different = np.bincount(np.asarray(once["row"]), minlength=len(said))
    repeats = (all_of >= SENTENCES) & (all_of - different > REPEATED * all_of)
    return float(1 - repeats.mean()), "repeated_sentences"


def _wholeness(said: pa.Array) -> Scored:
    """Texts of `WHOLE` characters and more that end as texts do and are not cut off."""
    long = said.filter(pc.greater_equal(pc.utf8_length(said), WHOLE))
    if not len(long):
        return None, "no_text"
    ends = pc.utf8_slice_codeunits(pc.utf8_rtrim_whitespace(long), -1, None)
    return _passing(pc.match_substring_regex(ends, _ENDED)), "ends_like_a_text"


def _presence(dataset: Dataset, sample: Sample) -> Scored:
    """Records in which something is said: no blank, no placeholder or 无 alone."""
    table = sample.drawn
    if not table.num_rows:
        return None, "no_text"
    there = np.zeros(table.num_rows, bool)
    for name in texts(dataset):
        there |= _tells(table[name].combine_chunks())
    if dataset.chat:
        rows, said = messages(dataset, table)
        there[rows[_tells(said)]] = True
    return float((there & np.asarray(has_content(dataset, table))).mean()), "says_something"


def _purity(said: pa.Array) -> Scored:
    """Texts without control characters, remains of HTML, or Chinese decoded by the wrong code."""
    if not len(said):
        return None, "no_text"
    dirty = pc.or_(pc.match_substring_regex(said, _UNREADABLE), pc.match_substring_regex(said, _HTML))
    return _passing(pc.invert(dirty)), "no_remains"


def _said(dataset: Dataset, table: pa.Table, *, answers_only: bool = False) -> pa.Array:
    """Every text and message that is not blank.

    Args:
        answers_only: of messages those that answer: a prompt may end with a list or a form.
    """
    columns = [table[name].combine_chunks() for name in texts(dataset)]
    if dataset.chat:
        said = messages(dataset, table)[1]
        columns.append(said.filter(_answers(dataset, table)) if answers_only else said)
    found = (
        pa.concat_arrays([column.cast(pa.string()) for column in columns])
        if columns
        else pa.array([], pa.string())
    )
    return found.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(found), ""), False))


def _answers(dataset: Dataset, table: pa.Table) -> pa.Array:
    assert dataset.chat
    said = pc.list_flatten(table[dataset.chat.column].combine_chunks())
    answers = pc.is_in(pc.struct_field(said, dataset.chat.role), pa.array(_ANSWERING))
    return pc.fill_null(answers, False)


def _tells(column: pa.Array) -> NDArray[np.bool_]:
    bare = pc.replace_substring_regex(pc.fill_null(column, ""), _PLACEHOLDER, "")
    nothing = pc.match_substring_regex(bare, _NOTHING, ignore_case=True)
    return np.asarray(pc.invert(nothing)).astype(bool)


def _passing(mask: Any) -> float:
    return float(np.asarray(pc.fill_null(mask, False)).astype(bool).mean())
