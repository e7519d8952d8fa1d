"""People in a record: which strings are a private person's name, over all text fields together.

An engine's tags are kept when they have the shape of a Chinese name; rules find what the engine misses
(labels, introductions, signatures, name lists, a name before an identifier); and every full name that was
found anywhere counts wherever it stands in the record, in its longest form.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

import regex

from curation.anonymise import cues, lexicon
from curation.anonymise.name_rules import (
    CONTINUES,
    LABELS,
    ROLES,
    SURE,
    before_identifiers,
    honorifics,
    labelled,
    masked,
)
from curation.anonymise.name_shapes import (
    DOTTED,
    FULL,
    GIVEN,
    MINORITY,
    NAME,
    PLACE_AFTER,
    TITLE_AT_END,
    is_likely,
    is_name,
    mostly_a_place,
    shaped,
    stands_free,
)
from curation.anonymise.spans import Pattern, Span, occurrences, resolve
from curation.anonymise.tagger import Entity, Tagger

MAX_LINE = 256
"""Longer pieces of text are cut at a comma before they are tagged."""

NEEDED = {
    "many": {"likely": 0.03, "shaped": 0.05, "other": 0.08, "word": 0.12},
    "some": {"likely": 0.4, "shaped": 0.55, "other": 0.7, "word": 0.9},
    "none": {"likely": 0.65, "shaped": 0.95, "other": 0.97, "word": 0.99},
}
"""How sure an engine must be of a name, by how many sure names its record has and by what it looks like: in a
list of people the next line is a person too, in a complaint about street lamps hardly any word is."""

MANY = 0.8
"""Sure names per hundred characters."""


def lines(plain: str) -> list[tuple[int, str]]:
    """The sentences of a text with their offsets, as a name engine gets them; those without Han left out."""
    return [
        (start, plain[start:end])
        for match in _SENTENCE.finditer(plain)
        for start, end in _pieces(plain, *match.span())
        if _HAN.search(plain, start, end)
    ]


def _pieces(plain: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_LINE:
        cut = max(plain.rfind(",", start, start + MAX_LINE), plain.rfind(" ", start, start + MAX_LINE))
        cut = cut + 1 if cut > start else start + MAX_LINE
        yield start, cut
        start = cut
    yield start, end


def entities(plain: Sequence[str], tagger: Tagger) -> list[list[Entity]]:
    """What the name engine says of each text, offsets in the text; it sees the lines of all at once."""
    cut = [lines(text) for text in plain]
    answers = iter(tagger.tag([line for pieces in cut for _, line in pieces]))
    return [
        [
            Entity(offset + start, offset + end, label, score)
            for offset, _ in pieces
            for start, end, label, score in next(answers)
        ]
        for pieces in cut
    ]


def find(
    plain: Mapping[str, str],
    tagged: Mapping[str, Sequence[Entity]],
    identifiers: Mapping[str, Sequence[Span]],
) -> dict[str, list[Span]]:
    """PERSON, PERSON_HONORIFIC and PERSON_MASKED of one record, overlaps resolved.

    Args:
        plain: view of each text field.
        tagged: what the name engine said, offsets in the field; empty where there is no engine, so that the
            rules which an engine makes superfluous find what they can.
        identifiers: identifiers found in the field; a name before one is a name.
    """
    needed = NEEDED[_density(plain, tagged)]
    spans = {
        field: resolve(
            [
                *_engine(text, tagged.get(field, ()), needed),
                *labelled(text, alone=not tagged),
                *before_identifiers(text, identifiers.get(field, ())),
                *honorifics(text),
                *(span for span in cues.find(text) if stands_free(text, span.end)),
                *masked(text),
            ]
        )
        for field, text in plain.items()
    }
    spans = {field: _siblings(plain[field], found) for field, found in spans.items()}
    return _propagate(plain, spans)


def _density(plain: Mapping[str, str], tagged: Mapping[str, Sequence[Entity]]) -> str:
    sure = sum(
        label == "PERSON" and score >= 0.9 and is_likely(plain[field], start, end)
        for field, entities in tagged.items()
        for start, end, label, score in entities
    )
    if sure >= MANY * max(sum(map(len, plain.values())) / 100, 1):
        return "many"
    return "some" if sure else "none"


def _engine(plain: str, tagged: Sequence[Entity], needed: Mapping[str, float]) -> Iterator[Span]:
    for start, end, label, score in tagged:
        found = plain[start:end].rstrip()
        start, found = start + len(found) - len(found.lstrip()), found.lstrip()
        if label == "PERSON_HONORIFIC" and len(found) >= 2 and score >= needed["likely"]:
            yield Span(start, start + len(found), label, 0.74, "engine")
        if label == "PERSON":
            start, end = _whole(plain, start, found)
            found = plain[start:end]
            if (
                len(found) >= 2
                and score >= needed[_looks(plain, start, end)]
                and not mostly_a_place(found, plain)
            ):
                yield Span(start, end, "PERSON", 0.8, "engine")


def _looks(plain: str, start: int, end: int) -> str:
    """What a name looks like, a key of `NEEDED`."""
    found = plain[start:end]
    if found in lexicon.common_words():
        return "word"
    return "likely" if is_likely(plain, start, end) else "shaped" if shaped(found) else "other"


def _whole(plain: str, start: int, found: str) -> tuple[int, int]:
    """Where a name begins and ends that the engine cut short or left a title on."""
    if title := TITLE_AT_END.search(found):
        found = found[: title.start()]
    if len(found) == 4 and not FULL.fullmatch(found):
        found = found[:3]
    end = start + len(found)
    if len(found) == 2 and _begins_before(plain, start):
        start -= 1
    elif len(found) == 2 and _goes_on(plain, end):
        end += 1
    return start, end


def _begins_before(plain: str, start: int) -> bool:
    """Whether the engine left the surname out: a usual one stands before what is none."""
    return (
        start > 0
        and plain[start] not in lexicon.COMMON_SURNAMES
        and plain[start - 1] in lexicon.COMMON_SURNAMES
        and plain[start - 1] not in lexicon.AMBIGUOUS_SURNAMES
    )


def _goes_on(plain: str, end: int) -> bool:
    """Whether the engine cut a three-character name short: a usual given character, then a stop."""
    follows = plain[end : end + 1]
    return (
        bool(follows)
        and follows in GIVEN
        and not CONTINUES.match(plain, end)
        and bool(CONTINUES.match(plain, end + 1))
    )


def _siblings(plain: str, spans: list[Span]) -> list[Span]:
    """Neighbours of a name in a list of names are names: of one that is no word, whatever they are."""
    words = lexicon.common_words()
    found = list(spans)
    queue = [(span, plain[span.start : span.end] not in words) for span in spans if span.type == "PERSON"]
    taken = {span.start for span in spans}
    while queue:
        span, firm = queue.pop()
        after = _NEXT_IN_LIST.match(plain, span.end)
        before = _PREVIOUS_IN_LIST.search(plain, max(0, span.start - 12), span.start)
        for match in (after, before):
            if not match or match.start("name") in taken or not shaped(match["name"]):
                continue
            likely = is_name(match["name"]) or (firm and "、" in match[0])
            if likely and not PLACE_AFTER.match(plain, match.end("name")):
                sibling = Span(match.start("name"), match.end("name"), "PERSON", 0.7, "name_list")
                taken.add(sibling.start)
                found.append(sibling)
                queue.append((sibling, firm))
    return resolve(found)


def _propagate(plain: Mapping[str, str], spans: Mapping[str, list[Span]]) -> dict[str, list[Span]]:
    """Every full name counts wherever it stands in the record, the longest form first.

    One that is an ordinary word counts only where it was found, unless a rule was sure of it.
    """
    words = lexicon.common_words()
    full = {
        plain[field][span.start : span.end]
        for field, found in spans.items()
        for span in found
        if span.type == "PERSON" and (span.score >= SURE or plain[field][span.start : span.end] not in words)
    }
    full |= {longer for name in full if len(name) == 2 and (longer := _always_longer(name, plain.values()))}
    if not full:
        return dict(spans)
    longest_first = sorted(full, key=lambda name: (-len(name), name))
    result = {}
    for field, text in plain.items():
        there = {(span.start, span.end) for span in spans[field] if span.type == "PERSON"}
        more = resolve(
            Span(start, end, "PERSON", 0.82, "name_repeated")
            for name in longest_first
            for start, end in occurrences(name, text)
            if (start, end) not in there and stands_free(text, end)
        )
        result[field] = resolve([*(span for span in spans[field] if not _inside(span, more)), *more])
    return result


def _always_longer(name: str, texts: Iterable[str]) -> str:
    """The name and the one character that always follows it, where it stands more than once."""
    follow = [
        text[at.end() : at.end() + 1] for text in texts for at in regex.finditer(regex.escape(name), text)
    ]
    if len(follow) < 2 or len(set(follow)) > 1 or not _HAN.fullmatch(follow[0]):
        return ""
    return "" if CONTINUES.match(follow[0] + "一") else name + follow[0]


def _inside(span: Span, longer: Sequence[Span]) -> bool:
    """Whether a finding lies within one of the longer ones, as a name cut short does."""
    at = bisect.bisect_right(longer, span.start, key=lambda one: one.start)
    return at > 0 and span.end <= longer[at - 1].end and span[:2] != longer[at - 1][:2]


_HAN = Pattern(r"\p{Han}")
_SENTENCE = Pattern(r"[^\r\n。!?;,]+[。!?;,]*")
_LIST_ITEM = rf"(?:{DOTTED}|(?=\p{{Han}}{{3,8}}(?!\p{{Han}})){MINORITY}|{NAME})"
_NEXT_IN_LIST = Pattern(
    rf"[、,/ ]{{1,2}}(?:和|与|及|以及)?(?P<name>{_LIST_ITEM})(?=[、,。;:/ ()\n]|$|等|和|与|及|民间|"
    r"借款|买卖|一案|纠纷|系|因|[二三四五六七八九十两\d]+人|几[户人家位]|共)"
)
_PREVIOUS_IN_LIST = Pattern(
    rf"(?:(?<=^|[、,。;:/ (\n]|和|与|及|由|是|为|对|诉|(?:{ROLES}|{LABELS})))(?P<name>{_LIST_ITEM})"
    f"[、/ ]{{1,2}}$"
)
