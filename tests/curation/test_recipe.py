from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import recipe, shipped
from curation.errors import UsageError

MINIMAL: dict[str, Any] = {"schema": "curation/1", "name": "mine", "stages": [{"clean": {}}]}


def changed(**changes: Any) -> dict[str, Any]:
    return {**MINIMAL, **changes}


@pytest.mark.parametrize("name", shipped.names("curation"))
def test_shipped_recipes_are_valid(name: str) -> None:
    assert recipe.load(name).name == name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(stagse=[]), "stagse: unknown key; did you mean stages?"),
        ({"schema": "curation/1", "name": "mine", "stags": []}, "stags: unknown key; did you mean stages?"),
        (changed(stages=[{"split": {"by": "id", "test": 0.9, "validation": 0.9}}]), "mine.yaml: split: "),
        (changed(stages=[{"claen": {}}]), "stages, entry 1: unknown stage claen; did you mean clean?"),
        (
            changed(stages=[{"deduplicate": {"treshold": 0.8}}]),
            "deduplicate: treshold: unknown key; did you mean threshold?",
        ),
        (
            changed(stages=[{"deduplicate": {"threshold": 7}}]),
            "deduplicate: threshold: input should be less than or equal to 1",
        ),
        (
            changed(stages=[{"anonymise": {}}, {"clean": {}}]),
            "stage clean edits text and must stand before anonymise",
        ),
        (
            changed(stages=[{"split": {"by": "cluster"}}]),
            "stage split needs the column cluster, which no earlier stage fills",
        ),
        (changed(stages=[{"clean": {}}, {"clean": {}}]), "clean stands twice"),
        (changed(stages=[{"clean": {}, "screen": {}}]), "entry 1: one stage each"),
        (changed(map={"txet": ["a"]}), "map: unknown field txet; did you mean text?"),
        (changed(fields=["title"]), "title is a column of records/1 already"),
        (changed(schema="curation/9"), "schema: input should be 'curation/1'"),
    ],
)
def test_a_fault_is_named_with_its_place_and_the_nearest_valid_name(
    data: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        recipe.parse(data, "mine.yaml")
    assert str(error.value).startswith("mine.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_decontaminate_stands_before_boilerplate_that_is_removed(tmp_path: Path) -> None:
    (tmp_path / "exam.txt").write_text("题")
    guard = {"decontaminate": {"against": [str(tmp_path / "exam.txt")]}}
    remove = {"boilerplate": {"action": "remove"}}
    recipe.parse(changed(stages=[guard, remove]))
    recipe.parse(changed(stages=[{"boilerplate": {}}, guard]))
    with pytest.raises(UsageError, match="hides leaks; put decontaminate before it") as error:
        recipe.parse(changed(stages=[remove, {"clean": {}}, guard]))
    assert "\n" not in str(error.value)


def test_own_fields_can_be_mapped() -> None:
    made = recipe.parse(changed(fields=["district"], map={"district": ["区县"]}))
    assert made.settings().map["district"] == ("区县",)


def test_the_command_line_changes_options_and_columns() -> None:
    made = recipe.load(
        "letters", settings=["deduplicate.threshold=0.9", "name=other"], columns=["text=正文,内容", "phone="]
    )
    assert made.name == "other"
    assert {k: v for s in made.stages for k, v in s.get("deduplicate", {}).items() if k == "threshold"} == {
        "threshold": 0.9
    }
    assert made.map["text"] == ["正文", "内容"]
    assert made.map["phone"] == []


@pytest.mark.parametrize(
    ("settings", "columns", "message"),
    [
        (["dedupe.threshold=1"], [], "unknown stage of this recipe dedupe"),
        (["deduplicate.threshold"], [], "write stage.option=value"),
        (["deduplicate=yes", "deduplicate.threshold=1"], [], "deduplicate"),
        (["deduplicate.threshold=["], [], "not valid YAML"),
        ([], ["text"], "write field=header"),
    ],
)
def test_a_bad_change_on_the_command_line_is_told(
    settings: list[str], columns: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        recipe.load("letters", settings=settings, columns=columns)


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("schema: curation/1\nname: [\nstages: {", encoding="utf-8")
    with pytest.raises(UsageError, match=r"broken\.yaml, line \d+: not valid YAML"):
        recipe.load(str(path))


def test_a_key_that_stands_twice_is_a_fault_not_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("schema: curation/1\nname: a\nname: b\nstages: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"twice\.yaml, line 3: not valid YAML: name stands twice"):
        recipe.load(str(path))


def test_an_empty_map_can_be_filled_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("schema: curation/1\nname: a\nmap:\nstages: [{clean: {}}]\n", encoding="utf-8")
    assert recipe.load(str(path), columns=["text=正文"]).map == {"text": ["正文"]}


def test_an_unknown_recipe_lists_the_shipped_ones_or_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="valid are consultation, default, dispatch, letters, reply"):
        recipe.load("nosuch")
    with pytest.raises(UsageError, match=r"did you mean letters\?"):
        recipe.load("lettrs")
