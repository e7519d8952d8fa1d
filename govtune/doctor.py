"""`govtune doctor`: what this machine has and lacks for which part of govtune, and how to get it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import typer

from curation.cli import AsJson, print_json
from curation.engine.local import cpus
from curation.errors import UsageError, place
from curation.key import VARIABLE, read_key

State = Literal["ok", "missing", "broken"]
MARKS: dict[State, str] = {"ok": "ok", "missing": "--", "broken": "!!"}
EXTRAS = ("core", "train", "dev")
WIDTH = 80

# What torch sees, asked in a process of its own: its import is slow, and a damaged one may end the process.
_ASK_TORCH = """
import json, torch
cuda = torch.cuda
print(json.dumps([
    {"name": p.name, "memory": p.total_memory, "capability": f"{p.major}.{p.minor}"}
    for p in map(cuda.get_device_properties, range(cuda.device_count()))
]))
"""
_TOGETHER = "\u00a0"
"""A space at which no line is broken."""

_FONT = re.compile(
    r"cjk|han(sans|serif)|noto(sans|serif)[sh]c|wqy|wenquanyi|sim(hei|sun)|msyh|yahei|pingfang|stheiti|"
    r"stsong|ukai|uming|droidsansfallback|harmonyos.*sc|lxgw|sarasa",
    re.IGNORECASE,
)
_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        state: `ok`; `missing` is only missed by those who want it; `broken` means that curation cannot run.
        said: what was found, and what to do, in words.
        values: the same for programs; sizes in bytes.
    """

    name: str
    state: State
    said: str
    values: dict[str, Any]

    def line(self) -> str:
        """The finding for a terminal of 80 columns."""
        filled = textwrap.fill(
            self.said,
            WIDTH,
            initial_indent=f"{MARKS[self.state]}  {self.name:<9} ",
            subsequent_indent=" " * 14,
            break_on_hyphens=False,
            break_long_words=False,
        )
        return filled.replace(_TOGETHER, " ")


def doctor(as_json: AsJson = False) -> None:
    """Show what is installed and what the machine has, and how to get what is missing.

    Ends with 1 if curation cannot run here.

    Example: govtune doctor
    """
    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            typer.echo(finding.line())
    broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        said = {finding.name: {"state": finding.state, **finding.values} for finding in findings}
        print_json({"broken": broken, **said})
    if broken:
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Everything there is to know, the quick things first."""
    if _version("govtune") is None:
        yield Finding("govtune", "broken", "is not installed: pip install -e . in its folder", {})
        return
    yield _python()
    for extra in EXTRAS:
        yield _packages(extra)
    yield _cores(Path("/"))
    yield _memory(Path("/"))
    yield _disk(Path.cwd())
    yield _key()
    yield _fonts([Path(folder).expanduser() for folder in _FONT_FOLDERS])
    yield _names()
    yield _gpus()


def _python() -> Finding:
    from packaging.specifiers import SpecifierSet

    mine = importlib.metadata.metadata("govtune")
    wanted, found = str(mine["Requires-Python"]), platform.python_version()
    fits = SpecifierSet(wanted).contains(found, prereleases=True)
    return Finding(
        "govtune",
        "ok" if fits else "broken",
        f"{mine['Version']} on Python {found}, {platform.system()} {platform.machine()}"
        + ("" if fits else f"; it needs Python {wanted}"),
        {"version": mine["Version"], "python": found, "platform": platform.platform()},
    )


def _packages(extra: str) -> Finding:
    """The packages of an extra, `core` for those without which nothing runs."""
    from packaging.requirements import Requirement

    versions: dict[str, str | None] = {}
    wrong: list[str] = []
    for line in importlib.metadata.requires("govtune") or []:
        required = Requirement(line)
        named = "extra" in str(required.marker)
        if required.name == "govtune" or named != (extra != "core"):
            continue
        if required.marker and not required.marker.evaluate({"extra": extra}):
            continue
        version = versions[required.name] = _version(required.name)
        if version is None:
            wrong.append(f"no {required.name}")
        elif not required.specifier.contains(version, prereleases=True):
            wrong.append(f"{required.name} {version} is not {required.specifier}")
    there = ", ".join(f"{name}{_TOGETHER}{version}" for name, version in versions.items() if version)
    if not wrong:
        return Finding(extra, "ok", there, {"packages": versions, "wrong": wrong})
    install = "pip install --upgrade govtune" if extra == "core" else f"pip install 'govtune[{extra}]'"
    return Finding(
        extra,
        "broken" if extra == "core" else "missing",
        f"{', '.join(wrong)}: {install}" + (f" (there: {there})" if there else ""),
        {"packages": versions, "wrong": wrong, "install": install},
    )


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cores(root: Path) -> Finding:
    there, usable = os.cpu_count() or 1, float(cpus())
    for folder in _groups(root, "cpu"):
        quota = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and all(word.isdigit() for word in quota):
            usable = min(usable, int(quota[0]) / int(quota[1]))
    said = f"{usable:g} of {there} usable"
    return Finding("cores", "ok", said, {"usable": usable, "there": there})


def _memory(root: Path) -> Finding:
    known = {line[0]: int(line[1]) * 1024 for line in map(str.split, _lines(root / "proc/meminfo"))}
    total, available = known["MemTotal:"], known["MemAvailable:"]
    for folder in _groups(root, "memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")
        if limit and used and limit[0].isdigit() and int(limit[0]) < total:
            pairs = (line.split() for line in _lines(folder / "memory.stat"))
            stat = {pair[0].removeprefix("total_"): int(pair[1]) for pair in pairs}
            total = int(limit[0])  # the cache of files is given back when memory is short
            available = min(available, total - int(used[0]) + stat.get("inactive_file", 0))
    said = f"{_gib(available)} of {_gib(total)} available"
    return Finding("memory", "ok", said, {"total": total, "available": available})


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The control groups of this process that can limit it, the innermost first."""
    base = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = base / controller if controllers else base
        inside = top / group.lstrip("/")
        yield from (folder for folder in (inside, *inside.parents) if folder.is_relative_to(top))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    return Finding("disk", "ok", f"{_gib(free)} free here", {"free": free})


def _key() -> Finding:
    try:
        key = read_key(None)
    except UsageError as error:
        return Finding("key", "missing", str(error), {"set": False})
    if key is None:
        said = f"{VARIABLE} is not set: personal data become placeholders such as [姓名]"
        return Finding("key", "missing", said, {"set": False})
    return Finding("key", "ok", f"{VARIABLE} is set: surrogates are consistent", {"set": True})


def _fonts(folders: list[Path]) -> Finding:
    found = sorted(
        {
            path.stem
            for folder in folders
            for path in folder.rglob("*")
            if path.suffix.lower() in (".ttf", ".ttc", ".otf") and _FONT.search(path.name)
        }
    )
    if found:
        more = f" and {len(found) - 2} more" if len(found) > 2 else ""
        return Finding("fonts", "ok", f"for Chinese: {', '.join(found[:2])}{more}", {"chinese": found})
    said = "none for Chinese: apt install fonts-noto-cjk, or Noto Sans SC in ~/.fonts"
    return Finding("fonts", "missing", said, {"chinese": found})


def _names() -> Finding:
    """Whether names of people can be tagged, which anonymising does unless it is told not to."""
    from curation.anonymise.tagger import load

    try:
        load("lac").tag(["张伟"])
    except Exception as error:
        said = str(error) if isinstance(error, UsageError) else place(error)
        return Finding("names", "broken", f"the LAC model does not load: {said}", {"lac": False})
    return Finding("names", "ok", "the LAC model loads", {"lac": True})


def _gpus() -> Finding:
    if _version("torch") is None:
        said = "not looked for, torch is not installed; training needs pip install 'govtune[train]'"
        return Finding("GPU", "missing", said, {"devices": []})
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=120, check=True
        )
        devices = json.loads(asked.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        said = "torch is installed, but does not load; reinstall it: pip install --force-reinstall torch"
        return Finding("GPU", "missing", said, {"devices": []})
    if not devices:
        said = f"torch {_version('torch')} sees none: recipes run with --hardware cpu"
        return Finding("GPU", "missing", said, {"devices": []})
    said = ", ".join(f"{device['name']} {_gib(device['memory'])}" for device in devices)
    return Finding("GPU", "ok", said, {"devices": devices})


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
