"""The figures as PNG, for places that show no SVG: the same drawing by day, at twice its size.

Which font draws Chinese is decided here, and nothing else of the machine: equal font files and an equal
version of resvg give equal bytes, which is how `govtune card check` compares them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curation.errors import UsageError
from data_cards import figures
from data_cards.facts import Facts

SCALE = 2


class Font(NamedTuple):
    """A file and the family in it that has the Chinese characters."""

    path: Path
    family: str


_FONTS = {
    "NotoSansCJK-Regular.ttc": "Noto Sans CJK SC",
    "NotoSansCJKsc-Regular.otf": "Noto Sans CJK SC",
    "NotoSansSC-Regular.otf": "Noto Sans SC",
    "SourceHanSansSC-Regular.otf": "Source Han Sans SC",
    "SourceHanSansCN-Regular.otf": "Source Han Sans CN",
    "wqy-microhei.ttc": "WenQuanYi Micro Hei",
    "wqy-zenhei.ttc": "WenQuanYi Zen Hei",
    "PingFang.ttc": "PingFang SC",
    "msyh.ttc": "Microsoft YaHei",
    "simhei.ttf": "SimHei",
    "DroidSansFallbackFull.ttf": "Droid Sans Fallback",
}
"""The first of them that is found draws the pictures."""


def pictures(facts: Facts) -> dict[str, bytes]:
    """Every figure in both languages, by path in the folder.

    Raises:
        UsageError: the extra `figures` is not installed, or no Chinese font is.
    """
    try:
        import resvg_py
    except ImportError:
        raise UsageError("--png needs the extra figures: pip install 'govtune[figures]'") from None
    font = chinese_font()
    return {
        f"{path.removesuffix('.svg')}.png": bytes(
            resvg_py.svg_to_bytes(
                svg_string=text,
                zoom=SCALE,
                skip_system_fonts=True,
                font_files=[str(font.path)],
                style_sheet=f'text{{font-family:"{font.family}"}}',
            )
        )
        for path, text in figures.files(facts).items()
    }


def faults(folder: Path, facts: Facts) -> Iterator[str]:
    """Pictures in a folder that are not what their data draws, one line each.

    Raises:
        UsageError: as `pictures`; without both nothing can be compared.
    """
    drawn = pictures(facts)
    used = f"drawn here with {chinese_font().path.name}; build again with --png if it was drawn with another"
    stated = {path for path in figures.paths(".png") if (folder / path).is_file()}
    for path in sorted(stated - drawn.keys()):
        yield f"{path}: no figure of this data set"
    for path, right in drawn.items():
        if path not in stated:
            yield f"{path}: missing"
        elif (folder / path).read_bytes() != right:
            yield f"{path}: not what its data draws ({used})"


def chinese_font() -> Font:
    """A font of this machine that has Chinese characters.

    Raises:
        UsageError: there is none; how to install one.
    """
    there: dict[str, Path] = {}
    for folder in _folders():
        for place, below, names in os.walk(folder):
            below.sort()
            for name in names:
                there.setdefault(name.lower(), Path(place, name))
    for name, family in _FONTS.items():
        if path := there.get(name.lower()):
            return Font(path, family)
    raise UsageError(
        "--png: no Chinese font found; install one, for example with apt install fonts-noto-cjk, or copy "
        f"{next(iter(_FONTS))} into ~/.local/share/fonts"
    )


def _folders() -> list[Path]:
    """Where fontconfig looks by default; macOS and Windows have theirs."""
    home, data = Path.home(), os.environ.get("XDG_DATA_HOME")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = [Path(data) / "fonts"] if data else [home / ".local/share/fonts"]
    system = [Path(each) / "fonts" for each in shared.split(os.pathsep) if each]
    others = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path("C:/Windows/Fonts")]
    return [*own, home / ".fonts", *system, *others]
