"""Puts the pages of the site together in `build/docs`: those of this folder and those made from the code.

In this folder `NAME.md` is English and `NAME.zh-CN.md` Chinese, so that links from README.md hold; the site's
i18n plugin wants `NAME.en.md` and `NAME.zh.md`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import site_reference
from mkdocs.plugins import event_priority

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

CHINESE = ".zh-CN.md"
HAN = r"\u4e00-\u9fff，。；：、（）"
BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Runs once per language; the second time finds the same pages and changes nothing."""
    here = Path(__file__).parent
    made = here.parent / "build" / "docs"
    pages = {
        **{_name(path): _localised(path) for path in sorted(here.glob("*.md"))},
        **site_reference.pages(),
    }
    for name, text in pages.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in made.rglob("*.md"):
        if str(path.relative_to(made)) not in pages:
            path.unlink()
    config.docs_dir = str(made)
    return config


@event_priority(-200)  # after the index was written, for whichever language
def on_post_build(config: MkDocsConfig) -> None:
    """Lets the search find Chinese: the theme would cut words with jieba, we let each character be one.

    The theme's own list of Chinese words makes it find no English.
    """
    path = Path(config.site_dir) / "search" / "search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for page in index["docs"]:
        for key in ("title", "text"):
            page[key] = BETWEEN_HAN.sub("\u200b", page[key])
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _name(path: Path) -> str:
    if path.name.endswith(CHINESE):
        return path.name.removesuffix(CHINESE) + ".zh.md"
    return path.stem + ".en.md"


def _localised(path: Path) -> str:
    """Without the link to the other language, which the header has; what leads out is plain text."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"^[(（]?\[(?:中文|English)\]\([^)]*\)[)）]?(?: · )? ?", "", text, count=1, flags=re.MULTILINE
    )
    text = re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"`\1`", text)
    return _as_markdown_reads_it(re.sub(r"\]\(([\w-]+)\.zh-CN\.md", r"](\1.md", text))


def _as_markdown_reads_it(text: str) -> str:
    """GitHub begins a list without an empty line before it, this Markdown does not; the end of a line within
    Chinese text would show as a blank."""
    lines: list[str] = []
    code = False
    for line in text.splitlines():
        before = lines[-1] if lines else ""
        if line.startswith("```"):
            code = not code
        elif not code and line.startswith("- ") and before and not before.startswith(("- ", " ")):
            lines.append("")
        elif (
            not code
            and not before.startswith(("#", "|", "```"))
            and re.search(f"[{HAN}]$", before)
            and re.match(f"[{HAN}]", line.strip())
        ):
            lines[-1] = before + line.strip()
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"
