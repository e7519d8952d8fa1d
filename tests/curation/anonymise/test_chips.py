"""Chips show the text, all of it and nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.anonymise import marked, policy, tagger
from curation.anonymise.chips import FAMILIES, Chips
from curation.anonymise.record import anonymise_fields
from curation.anonymise.spans import Span


class Page(HTMLParser):
    """What a browser shows: text of the first inner block, notes of chips apart; all attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.notes, self.tags, self.attributes = "", [""], set[str](), set[str]()
        self._open: list[str] = []
        self._blocks = 0
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self._blocks += tag == "div"
        self.notes += [""] if tag == "span" else []
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["span"]:
            self.notes[-1] += data
        elif self._blocks == 2:  # the third one is the legend
            self.text += data


def html(chips: Chips) -> str:
    return chips._repr_html_()


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
PIECES = st.lists(
    st.tuples(ANY, ANY.filter(bool), st.sampled_from([*policy.TYPES, "<b>", "X&Y"])), max_size=6
)


@given(PIECES, ANY)
def test_a_page_shows_the_text_and_the_type_of_every_finding(
    pieces: list[tuple[str, str, str]], rest: str
) -> None:
    text, spans = "", []
    for before, value, kind in pieces:
        start = len(text) + len(before)
        text += before + value
        spans.append((start, start + len(value), kind))
    page = Page(html(Chips(text + rest, reversed(spans))))
    assert page.text == text + rest
    assert page.notes[1 : len(spans) + 1] == [kind for _, _, kind in pieces]
    assert page.tags <= {"div", "mark", "span"}
    assert page.attributes <= {"class", "lang", "style", "title"}


def test_a_text_brings_no_markup_of_its_own() -> None:
    text = "<script>alert(1)</script>\"'&amp;<img src=x onerror=y>"
    page = html(Chips(text, [Span(0, 8, '"><i>', 0.5, '"><u onclick="z')]))
    assert Page(page).text == text
    assert Page(page).tags == {"div", "mark", "span"}
    assert "<script" not in page
    assert "<i>" not in page
    assert "<u" not in page


def test_what_a_page_cannot_hold_is_shown_as_a_mark() -> None:
    page = html(Chips("a\x00\ud800\x1bb\n", []))
    assert Page(page).text == "a���b\n"
    page.encode()


def test_the_legend_counts_types_and_has_their_chinese_names() -> None:
    page = html(
        Chips("覃水生，覃水生，13800000000", [(0, 3, "PERSON"), (4, 7, "PERSON"), (8, 19, "CN_MOBILE")])
    )
    legend = page.rpartition("<div")[2]
    assert "姓名" in legend
    assert "×&nbsp;2" in legend
    assert "手机号" in legend


def test_a_finding_tells_what_found_it() -> None:
    assert 'title="name_introduced 0.85"' in html(
        Chips("覃水生", [Span(0, 3, "PERSON", 0.85, "name_introduced")])
    )


@pytest.mark.parametrize(
    "spans", [[(0, 9, "PERSON")], [(2, 2, "PERSON")], [(0, 2, "QQ"), (1, 3, "QQ")], [(-1, 2, "QQ")]]
)
def test_spans_that_are_none_are_refused_without_the_text(spans: list[tuple[int, int, str]]) -> None:
    with pytest.raises(ValueError, match="span") as told:
        Chips("覃水生", spans)
    assert "覃" not in str(told.value)


def test_the_repr_tells_no_text_and_print_marks_it() -> None:
    chips = Chips("我叫覃水生。", [(2, 5, "PERSON")])
    assert repr(chips) == "<Chips: 6 characters, findings: 1>"
    assert str(chips) == "我叫{{PERSON|覃水生}}。"
    assert marked.plain(str(chips)) == ("我叫覃水生。", [(2, 5, "PERSON")])


def test_after_shows_what_stands_there_now_and_what_was_done() -> None:
    text = "我叫覃水生，电话13812345678，邮箱a.b@163.com，致电12345"
    (result,) = anonymise_fields(
        [{"text": text}], [{}], tagger=tagger.load("none"), policy=policy.load("court")
    )
    chips = Chips.after(result)
    assert str(chips).startswith("我叫{{PERSON|覃某}}，电话，邮箱，致电")
    page = Page(html(chips))
    assert page.text == result.fields["text"]
    assert page.notes[1] == "PERSON mask"
    assert Page(html(Chips.after(result, "reply"))).text == ""


def test_every_type_has_one_family_and_every_chip_can_be_read() -> None:
    kinds = [kind for _, _, kinds in FAMILIES for kind in kinds]
    assert sorted(kinds) == sorted(policy.TYPES)
    for paper, ink, _ in FAMILIES:
        light, dark = sorted((luminance(paper), luminance(ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2 AA


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
