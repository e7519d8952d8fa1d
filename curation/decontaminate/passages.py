"""What two texts may have in common without one being copied from the other, as far as patterns can tell: a
quoted article of a law, and the courtesies of offices and their correspondents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

_LONGEST = 300
"""Of a passage of a law. Where a writer sets no full stop, the rest of the text is not taken for the law."""

_LONGEST_COURTESY, _LONGEST_GREETING = 120, 25
"""Of a sentence that is one; after a longer greeting the writer has gone on, with a comma, to his subject."""

_NUMBER = r"[0-9０-９〇零一二三四五六七八九十百千]{1,8}"
_ARTICLE = rf"第\s?{_NUMBER}\s?条(?:之{_NUMBER})?(?:\s?第\s?{_NUMBER}\s?[款项])*"
_LAW = r"《[^《》\n]{2,60}》(?:\s?[（(][^（）()\n]{1,40}[）)])?"
# 《物业管理条例》第五十四条规定：…… or, further on in the text, 第七十四条规定，……
_STATUTE = regex.compile(
    rf"(?:{_LAW}[^。！？\n《》第]{{0,12}}{_ARTICLE}|{_ARTICLE}[^。！？\n]{{0,6}}规定)"
    rf"(?:[^。！？\n“”]{{0,12}}“[^”]{{1,{_LONGEST}}}”|[^。！？\n]{{0,{_LONGEST}}})"
)
_SENTENCE = regex.compile(r"[^。！!？?；;：:\n]+[。！!？?；;：:\n]*")
_GREETING = regex.compile(r"^\W*(?:[您你]们?好|尊敬的|网友|网民)\P{Han}*")
# It receives, passes on, thanks or announces: 您的留言已收悉，已转有关部门办理。
_OFFICE = regex.compile(
    r"收悉|已阅|已经?(?:收到|答复|回复|转|移交|交办)|转(?:交|至|办)[^。]{0,20}(?:部门|单位|核实|办理|处理|答复)"
    r"|(?:回复|答复|反馈|汇报|说明|处理)如下|敬请(?:关注|留意|期待|谅解|理解)"
    r"|感谢[^。]{0,16}(?:来信|留言|来电|关注|关心|支持|理解|监督|问政|反映|信任)"
)


def passages(texts: Sequence[str]) -> list[str]:
    """The passages of the texts that quote an article of a law, up to the end of the quotation or the
    sentence, and runs of sentences that only greet, acknowledge, pass on or thank."""
    return [
        *(found[0] for text in texts if "条" in text for found in _STATUTE.finditer(text)),
        *(run for text in texts for run in _courtesies(text)),
    ]


def _courtesies(text: str) -> Iterator[str]:
    start = end = 0
    for sentence in _SENTENCE.finditer(text):
        here = sentence.span()
        length = here[1] - here[0]
        office = length <= _LONGEST_COURTESY and _OFFICE.search(text, *here)
        if not office and not (length <= _LONGEST_GREETING and _GREETING.search(text[slice(*here)])):
            continue
        if here[0] != end:
            if start < end:
                yield text[start:end]
            start = here[0]
        end = here[1]
    if start < end:
        yield text[start:end]
