"""What a second detector, other than the first, still finds in a text after it was anonymised.

How much both of them miss is estimated by people reading a sample (`sampling`), never from their agreement:
they miss the same things, so capture and recapture says .98 where .84 is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from curation.anonymise import identifiers, name_shapes, names
from curation.anonymise import tagger as taggers
from curation.anonymise.detect import Fields
from curation.anonymise.pieces import changes
from curation.anonymise.policy import Rules
from curation.anonymise.spans import Pattern, Span, resolve, view
from curation.anonymise.tagger import Tagger

if TYPE_CHECKING:
    from curation.anonymise.record import Result


class Suspect(NamedTuple):
    """What may be left in a record.

    Attributes:
        start, end: in the input's text; 0 and 0 for what is no text.
        type: an entity type, or CANARY.
    """

    field: str
    start: int
    end: int
    type: str
    recogniser: str


def second_engine(first: str) -> str:
    """The name engine for the second look; `none`, rules alone, where lac is wanted and not installed."""
    from curation.anonymise.taggers import lac

    if first == "lac":
        return "crf"
    return "lac" if lac.available() else "none"


class Second(NamedTuple):
    """The name engine of the second look, ready, and its name."""

    name: str
    tagger: Tagger


def second_tagger(first: str) -> Second:
    """The name engine for the second look."""
    name = second_engine(first)
    return Second(name, taggers.load(name))


def suspects(
    rows: Sequence[Fields], results: Sequence[Result], rules: Sequence[Rules], *, tagger: Tagger
) -> list[list[Suspect]]:
    """What a second detector finds in records after anonymising, where nothing was replaced or kept on
    purpose.

    Args:
        rows: text fields of each record as they were.
        results: the records after.
        rules: of each record.
        tagger: the name engine, `second_tagger`.
    """
    after = [
        {field: text for field, text in result.fields.items() if text and field in row}
        for row, result in zip(rows, results, strict=True)
    ]
    people = iter(_people([text for texts in after for text in texts.values()], tagger))
    found = []
    for result, texts, rule in zip(results, after, rules, strict=True):
        of_record: list[Suspect] = []
        for field, text in texts.items():
            spans = [*next(people), *identifiers.find(text), *_generic(text)]
            changed = [span for span in spans if rule[span.type].changes]
            of_record += _unknown(field, result, changed)
        found.append(of_record)
    return found


def _unknown(field: str, result: Result, spans: Sequence[Span]) -> Iterator[Suspect]:
    """The spans of the output that touch nothing which was found in the input."""
    known = changes(result.found, field)
    for span in resolve(spans):
        if any(one.new_start < span.end and span.start < one.new_end for one in known):
            continue
        before = [one for one in known if one.new_end <= span.start]
        back = before[-1].end - before[-1].new_end if before else 0  # to the offsets of the input
        yield Suspect(field, span.start + back, span.end + back, span.type, f"second:{span.recogniser}")


SURE = 0.5
"""The score from which on the second name engine is heard."""

_BEFORE_NAME = Pattern(
    r"(?:^|[^\p{Han}]|我叫|我是|姓名|名叫|叫做|村民|居民|业主|书记|主任|支书|法人|老板|司机|患者|组长|局长|所长|人员"
    r"|联系人|投诉人|当事人|儿子|女儿|丈夫|妻子|父亲|母亲|同志|经理|老师)$"
)
_AFTER_NAME = Pattern(
    r"$|[^\p{Han}]|先生|女士|同志|书记|主任|局长|镇长|村长|组长|老师|医生|等人|等(?=[,、。])"
    "|一家|夫妇|本人|身份证|电话|手机|反映|投诉|举报"
)
_AMOUNT = Pattern(r"(?<=[\d两几])[余万米元]")
_NEAR = 6


def _people(texts: Sequence[str], tagger: Tagger) -> list[list[Span]]:
    """Names that stand by themselves, or beside a word that goes with a name.

    The second engine is the less exact one: of what it alone sees within a sentence, one in fifty was a name
    in 2,000 letters and replies; of what stands by itself, most.
    """
    plain = [view(text) for text in texts]
    return [
        [
            Span(start, end, "PERSON", score, "name_engine")
            for start, end, label, score in found
            if label == "PERSON" and score >= SURE and _stands_apart(text, start, end)
        ]
        for text, found in zip(plain, names.entities(plain, tagger), strict=True)
    ]


def _stands_apart(plain: str, start: int, end: int) -> bool:
    return (
        name_shapes.is_name(plain[start:end])
        and not _AMOUNT.match(plain, start)
        and bool(_BEFORE_NAME.search(plain[max(0, start - _NEAR) : start]))
        and bool(_AFTER_NAME.match(plain[end : end + _NEAR]))
    )


_EMAIL = Pattern(r"[A-Za-z0-9][\w.+\-]*@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}", 0)
_IP = Pattern(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_CARD = Pattern(r"(?<![0-9A-Za-z])\d(?:[ \-]?\d){12,18}(?![0-9A-Za-z])")
_LANDLINE = Pattern(r"(?<!\d)0\d{2,3}[ \-—()]{0,3}[2-8]\d{6,7}(?!\d)")
_NUMBER = Pattern(r"(?:\+|\()?\d[\d\-() ]{5,}\d")
_CALL = Pattern("电话|手机|联系|致电|拨打|来电|热线|号码|[Tt][Ee][Ll]|[Pp]hone")
_REGIONS = ("CN", "HK", "TW", "MO")
_BEFORE = 12


def _generic(text: str) -> Iterator[Span]:
    """What tools look for everywhere: e-mail, IP addresses, cards, telephone numbers of four regions."""
    plain = view(text)
    for match in _EMAIL.finditer(plain):
        yield Span(match.start(), match.end(), "EMAIL_ADDRESS", 0.6, "email")
    for match in _IP.finditer(plain):
        yield Span(match.start(), match.end(), "IP_ADDRESS", 0.6, "ip")
    for match in _CARD.finditer(plain):
        digits = "".join(filter(str.isdigit, match[0]))
        if len(set(digits)) > 1 and identifiers.luhn_ok(digits):  # 0000 0000 0000 0000 is a blank filled in
            yield Span(match.start(), match.end(), "CN_BANK_CARD", 0.6, "card")
    for match in _LANDLINE.finditer(plain):
        yield Span(match.start(), match.end(), "CN_LANDLINE", 0.6, "landline")
    for match in _NUMBER.finditer(plain):
        yield from _phones(plain, *match.span())


def _phones(plain: str, start: int, end: int) -> Iterator[Span]:
    """Telephone numbers as presidio's PhoneRecognizer finds them, without importing presidio.

    Eight digits alone are a number in Hong Kong, and a date; so outside China they need a word before them.
    """
    import phonenumbers

    called = bool(_CALL.search(plain, max(0, start - _BEFORE), start))
    for region in _REGIONS if called else _REGIONS[:1]:
        for match in phonenumbers.PhoneNumberMatcher(plain[start:end], region, leniency=1):
            mobile = phonenumbers.number_type(match.number) == phonenumbers.PhoneNumberType.MOBILE
            kind = "CN_MOBILE" if mobile else "CN_LANDLINE"
            yield Span(start + match.start, start + match.end, kind, 0.6, f"phone_{region.lower()}")
