"""`croissant.json`: Croissant 1.1 with Responsible AI 1.0, for any tool to find, read and judge the data.

Everything in it comes from the facts. A date of publication is not among them (no clock is asked), so
`datePublished`, which the specification wants, is left out, and so are `url`, `license`, `creator` and
`version` where nobody stated them. A file name of an input never appears.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.files import canonical_json
from data_cards.croissant import provenance, rai
from data_cards.croissant.faults import faults
from data_cards.croissant.fields import FILES
from data_cards.croissant.records import READABLE, hidden, record_sets
from data_cards.facts import Facts

__all__ = ["CROISSANT", "ENCODINGS", "faults", "is_ours", "render"]

CROISSANT = "croissant.json"

ENCODINGS = {
    "parquet": "application/x-parquet",
    "jsonl": "application/jsonlines",
    "csv": "text/csv",
    "json": "application/json",
    "arrow": "application/vnd.apache.arrow.stream",
}

_PUBLISHER = "govtune"
"""Who made the description, not the data; by it a file of ours is known."""

_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]

_TERMS = (
    "annotation arrayShape citeAs column containedIn equivalentProperty extract field fileObject "
    "fileProperty fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet "
    "references regex repeated replace samplingRate separator source subField transform"
)

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "wd": "http://www.wikidata.org/entity/",
    **{term: f"cr:{term}" for term in _TERMS.split()},
}

_SPDX = (
    "0BSD AGPL-3.0-only Apache-2.0 BSD-2-Clause BSD-3-Clause CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-4.0 "
    "CC-BY-NC-ND-4.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-2.0 "
    "CDLA-Sharing-1.0 GPL-2.0-only GPL-3.0-only ISC MIT MPL-2.0 MulanPSL-2.0 ODbL-1.0 ODC-By-1.0 PDDL-1.0 "
    "Unlicense"
)
_LICENSES = {name.lower(): f"https://spdx.org/licenses/{name}.html" for name in _SPDX.split()}


def render(facts: Facts) -> str:
    """The text of `croissant.json`."""
    metrics, answers = facts.metrics, facts.answers
    made: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": metrics["dataset"]["name"],
        "description": _description(facts),
        "distribution": _distribution(metrics),
        "recordSet": record_sets(metrics),
        "isLiveDataset": False,
        "sdPublisher": {"@type": "Organization", "name": _PUBLISHER},
        **rai.properties(facts),
        **provenance.properties(facts),
    }
    if answers.owner:
        made["creator"] = {"@type": "Organization", "name": answers.owner.text("en")}
        if answers.contact:
            contact = {"@type": "ContactPoint", "description": answers.contact.text("en")}
            made["creator"]["contactPoint"] = contact
    if licenses := _licenses(facts):
        made["license"] = licenses
    if answers.citation:
        made["citeAs"] = answers.citation.text("en")
    if answers.version:
        made["version"] = answers.version.text("en")
    if answers.access and re.fullmatch(r"https?://\S+", answers.access.text("en")):
        made["url"] = answers.access.text("en")
    if metrics["dataset"]["kind"] == "run":
        made["inLanguage"] = "zh"
    if metrics["lock"]:
        made["identifier"] = f"sha256:{metrics['lock']['sha256']}"
    if (time := metrics["time"]) and time["first"]:
        made["temporalCoverage"] = f"{time['first']}/{time['last']}"
    if usage := _usage(facts):
        made["usageInfo"] = usage
    return canonical_json(made)


def is_ours(path: Path) -> bool:
    """Whether a `croissant.json` was written by govtune; no file is nobody's."""
    try:
        publisher = json.loads(path.read_bytes())["sdPublisher"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(publisher == _PUBLISHER)


def _description(facts: Facts) -> dict[str, str]:
    """What it is, in both languages, and what of it cannot be read through this file."""
    metrics = facts.metrics
    records, name = metrics["published"]["records"], metrics["dataset"]["name"]
    zh, en = f"数据集 {name}：{records} 条记录。", f"Data set {name}: {records} records."
    if purpose := facts.answers.purpose:
        zh, en = f"{zh}用途：{purpose.text('zh')}。", f"{en} Purpose: {purpose.text('en')}."
    if metrics["dataset"]["format"] not in READABLE:
        zh += (
            f"文件格式 {metrics['dataset']['format']} 无法用 Croissant 按列读取，本文件只登记文件及其校验值。"
        )
        en += (
            f" Croissant cannot address columns in files of the format {metrics['dataset']['format']}: this "
            "file names the files with their digests only, no records."
        )
    elif names := hidden(metrics):
        zh += f"以下各列的类型无法用 Croissant 表示，故不列入：{'、'.join(names)}。"
        en += f" Columns of a type that Croissant has no form for, left out here: {', '.join(names)}."
    return {"en": en, "zh": zh}


def _distribution(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each file with its digest, and all of them as the one set that the records are read from."""
    encoding = ENCODINGS[metrics["dataset"]["format"]]
    found: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "contentSize": f"{file['bytes']} B",
            "encodingFormat": _encoding(path, encoding),
            "sha256": file["sha256"],
        }
        for path, file in sorted(metrics["files"].items())
    ]
    if metrics["dataset"]["format"] in READABLE and found:
        found.append(
            {
                "@type": "cr:FileSet",
                "@id": FILES,
                "name": FILES,
                "encodingFormat": found[0]["encodingFormat"],
                "includes": [re.sub(r"([*?[])", r"[\1]", path) for path in sorted(metrics["files"])],
            }
        )
    return found


def _encoding(path: str, encoding: str) -> str:
    return "text/tab-separated-values" if path.lower().endswith(".tsv") else encoding


def _licenses(facts: Facts) -> list[Any]:
    """Addresses of the licences that have one, else their names as they stand."""
    said = facts.answers.license
    names = said.lines("en") if said else sorted((facts.metrics["licenses"] or {"values": {}})["values"])
    return [_LICENSES.get(name.lower()) or {"@type": "CreativeWork", "name": name} for name in names]


def _usage(facts: Facts) -> list[dict[str, str]]:
    """For what it may be used, and for what not, as people put it."""
    answers = facts.answers
    said = {
        "Permitted uses": answers.uses,
        "Forbidden uses": answers.forbidden_uses,
        "Networks and people that may use it": answers.networks,
    }
    found = [
        {"@type": "CreativeWork", "name": name, "text": told.text("en")}
        for name, told in said.items()
        if told
    ]
    if answers.level:
        found.append(
            {
                "@type": "DefinedTerm",
                "termCode": answers.level,
                "name": "Level of the data",
                "inDefinedTermSet": "GB/T 43697-2024",
            }
        )
    return found
