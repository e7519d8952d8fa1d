"""What a command and everything it starts costs: CPU seconds, wall time, peak memory. Linux only.

CPU seconds are exact for every process that ends by itself: orphans come to this process (a child subreaper)
and are waited for, so that workers of workers count. Those killed at the end are counted as last seen.
Memory is the proportional set size summed over the tree, twice a second or, of big processes, less often.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
EVERY = 0.5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """`status` is the exit code of the command, None where the limit cut it off."""

    status: int | None
    cpu_s: float
    wall_s: float
    peak_mb: float


def run(command: Sequence[str], *, log: Path, limit: float, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end or the limit of seconds; whatever it leaves running is ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    with log.open("wb") as file:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=env
        )
    seen: dict[int, float] = {}
    peak, reaped, status = 0, 0.0, None
    wall = 0.0
    while not wall:
        sampling = time.monotonic()
        tree = _descendants()
        peak = max(peak, sum(_proportional(process) for process in tree))
        for process in tree:
            seen[process] = max(seen.get(process, 0.0), _ticks(process))
        now = time.monotonic()
        # adding up the pages of a big process takes long, and holds it up
        time.sleep(max(20 * (now - sampling), EVERY if now - started > 2 else EVERY / 25))
        ended = _reap()
        reaped += sum(seconds for _, seconds in ended.values())
        if child.pid in ended:
            status = ended[child.pid][0]
            wall = time.monotonic() - started
        elif time.monotonic() - started > limit:
            wall = time.monotonic() - started
    child.returncode = status if status is not None else -signal.SIGKILL  # reaped here, not by subprocess
    while left := _descendants():
        for process in left:
            seen[process] = max(seen.get(process, 0.0), _ticks(process))
            _end(process)
        reaped += sum(seconds for _, seconds in _reap().values())
        time.sleep(0.02)
    return Cost(status, round(max(reaped, sum(seen.values())), 2), round(wall, 2), round(peak / 1024, 1))


def _reap() -> dict[int, tuple[int, float]]:
    """Exit code and CPU seconds (with those of its own children) of every process that has ended."""
    ended: dict[int, tuple[int, float]] = {}
    while True:
        try:
            process, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not process:
            return ended
        ended[process] = (os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)


def _end(process: int) -> None:
    """End a process of ours, which may have ended meanwhile."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 (it is called all the time: no Path objects)
        if entry.isdigit() and (fields := _stat(int(entry))) and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], list(children.get(os.getpid(), []))
    while todo:
        process = todo.pop()
        found.append(process)
        todo += children.get(process, [])
    return found


def _stat(process: int) -> list[str]:
    """The fields of /proc/N/stat after the command's name: state, parent and so on."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return []


def _ticks(process: int) -> float:
    """CPU seconds so far, without those of its children: they are seen themselves."""
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def _proportional(process: int) -> int:
    """KiB of memory, each shared page counted once over the processes that share it."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
