"""Where the data come from, in PROV-O: a stage is an activity, an input is its digest and no more."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from data_cards.facts import Facts
from data_cards.measure import stages


def properties(facts: Facts) -> dict[str, Any]:
    """`prov:` properties of the data set; none where there is no lock that tells them."""
    if facts.lock is None:
        return {}
    lock, funnel = facts.lock, facts.metrics["funnel"]
    names = stages(lock)
    run, agent = facts.metrics["lock"]["sha256"], f"urn:govtune:{lock['govtune']}"
    ids = [f"urn:govtune:{run}:{at}:{name}" for at, name in enumerate(names)]
    activities = [
        {
            "@type": "prov:Activity",
            "@id": identity,
            "prov:label": name,
            "prov:wasAssociatedWith": {"@id": agent},
            **({"additionalProperty": _counts(funnel[name])} if funnel and name in funnel else {}),
        }
        for identity, name in zip(ids, names, strict=True)
    ]
    for activity, before in zip(activities[1:], ids, strict=False):
        activity["prov:wasInformedBy"] = {"@id": before}
    inputs = sorted({file["sha256"]: file["bytes"] for file in lock["inputs"]}.items())
    return {
        "prov:wasGeneratedBy": activities,
        "prov:wasDerivedFrom": [
            {
                "@type": "prov:Entity",
                "@id": f"urn:sha256:{digest}",
                "sha256": digest,
                "contentSize": f"{size} B",
            }
            for digest, size in inputs
        ],
        "prov:wasAttributedTo": {
            "@type": ["prov:SoftwareAgent", "SoftwareApplication"],
            "@id": agent,
            "prov:label": f"govtune {lock['govtune']}",
            "softwareVersion": lock["govtune"],
        },
    }


def _counts(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a stage did to how many records."""
    dropped = ((f"dropped.{reason}", count) for reason, count in sorted(step["dropped"].items()))
    done = itertools.chain(dropped, ((key, step[key]) for key in ("expanded", "made")))
    total = sum(step["dropped"].values())
    return [
        {"@type": "PropertyValue", "name": name, "value": count}
        for name, count in (("dropped", total), *done)
    ]
