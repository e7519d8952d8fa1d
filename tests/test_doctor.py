"""What `govtune doctor` finds on machines that lack something."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from govtune import doctor
from govtune.doctor import Finding


def called(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(doctor.doctor)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command on a machine without a GPU; torch is not asked, which takes seconds."""
    monkeypatch.setattr(doctor, "_ASK_TORCH", "print([])")
    return called


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def test_a_machine_that_can_curate_ends_with_zero_and_fits_a_terminal() -> None:
    told = called()
    assert told.exit_code == 0
    for word in ("govtune", "pyarrow", "torch", "cores", "GiB of", "free here", "LAC", "GPU"):
        assert word in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_json_says_the_same(run: Any) -> None:
    told = json.loads(run("--json").stdout)
    assert told["broken"] is False
    assert told["core"]["packages"]["pyarrow"] == importlib.metadata.version("pyarrow")
    assert told["memory"]["total"] >= told["memory"]["available"] > 0
    assert {each["state"] for name, each in told.items() if name != "broken"} <= {"ok", "missing"}


def test_the_key_is_never_shown(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVTUNE_KEY", "a-key-nobody-may-ever-see")
    for told in (run().stdout, run("--json").stdout):
        assert "a-key-nobody" not in told
    assert json.loads(run("--json").stdout)["key"]["set"] is True
    monkeypatch.setenv("GOVTUNE_KEY", "short")
    assert named(list(doctor.examine()), "key").state == "missing"


def test_a_missing_core_package_is_broken_and_says_how_to_get_it(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = ["numpy>=2", "nosuchpackage>=1", "torch>=2.9; extra == 'train'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)
    told = run()
    assert told.exit_code == 1
    assert "!!  core      no nosuchpackage: pip install --upgrade govtune" in told.stdout


def test_a_missing_extra_or_another_version_is_no_failure(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["numpy>=2", "torch>=99; extra == 'train'", "nosuchpackage; extra == 'train'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)
    told = run()
    assert told.exit_code == 0
    version = importlib.metadata.version("torch")
    said = " ".join(told.stdout.split())
    assert f"torch {version} is not >=99, no nosuchpackage: pip install 'govtune[train]'" in said


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return root


MEMINFO = "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   12582912 kB\n"
GIB = 2**30


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    bare = doctor._memory(write(tmp_path / "bare", {"proc/meminfo": MEMINFO}))
    assert (bare.values["total"], bare.values["available"]) == (16 * GIB, 12 * GIB)
    second = write(
        tmp_path / "v2",
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/inner/memory.max": "max\n",
            "sys/fs/cgroup/outer/inner/memory.current": "0\n",
            "sys/fs/cgroup/outer/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/outer/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/outer/memory.stat": f"anon 1\ninactive_file {2 * GIB}\n",
        },
    )
    limited = doctor._memory(second)
    assert (limited.values["total"], limited.values["available"]) == (4 * GIB, 3 * GIB)
    first = write(
        tmp_path / "v1",
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "4:memory:/job\n0::/\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "0\n",
        },
    )
    assert doctor._memory(first).values == {"total": 2 * GIB, "available": GIB}


def test_cores_are_what_the_container_may_use(tmp_path: Path) -> None:
    second = {"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": "50000 100000\n"}
    assert doctor._cores(write(tmp_path / "v2", second)).values["usable"] == 0.5
    first = {
        "proc/self/cgroup": "1:cpu,cpuacct:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    free = doctor._cores(write(tmp_path / "v1", first)).values
    assert free["usable"] == doctor._cores(tmp_path / "none").values["usable"]


def test_fonts_for_chinese_are_known_by_their_files(tmp_path: Path) -> None:
    assert doctor._fonts([tmp_path, tmp_path / "nosuch"]).state == "missing"
    write(tmp_path, {"opentype/NotoSansCJK-Regular.ttc": "", "truetype/DejaVuSans.ttf": "", "wqy.txt": ""})
    found = doctor._fonts([tmp_path])
    assert (found.state, found.values["chinese"]) == ("ok", ["NotoSansCJK-Regular"])


def test_a_torch_that_does_not_load_is_told_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ASK_TORCH", "raise SystemExit(1)")
    assert doctor._gpus() == Finding(
        "GPU",
        "missing",
        "torch is installed, but does not load; reinstall it: pip install --force-reinstall torch",
        {"devices": []},
    )


def test_gpus_are_named_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = json.dumps([{"name": "NVIDIA A10", "memory": 24 * GIB, "capability": "8.6"}])
    monkeypatch.setattr(doctor, "_ASK_TORCH", f"print('a warning'); print({printed!r})")
    assert doctor._gpus().said == "NVIDIA A10 24.0 GiB"
