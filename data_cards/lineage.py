"""`lineage.jsonl`: how a run came about, as OpenLineage events, one JSON object per line (file transport).

A run has one job and one more per stage, each with START and COMPLETE. An input is known by its digest alone.
OpenLineage wants a time of each event, and a run keeps none, so that equal inputs give equal bytes: all
events bear `EPOCH`, which says that the time is not known. A folder that is no run has no lineage and no
such file.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curation.records import TEXT_FIELDS
from data_cards.facts import Facts
from data_cards.measure import stages

LINEAGE = "lineage.jsonl"

EPOCH = "1970-01-01T00:00:00Z"

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "dataset": {
        "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
        "dataQualityMetrics": "1-0-1/DataQualityMetricsDatasetFacet",
        "documentation": "1-1-0/DocumentationDatasetFacet",
        "ownership": "1-0-1/OwnershipDatasetFacet",
        "schema": "1-2-0/SchemaDatasetFacet",
        "version": "1-0-1/DatasetVersionDatasetFacet",
    },
    "job": {
        "documentation": "1-1-0/DocumentationJobFacet",
        "jobType": "2-0-4/JobTypeJobFacet",
        "ownership": "1-0-1/OwnershipJobFacet",
    },
    "output": {"outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet"},
    "run": {
        "parent": "1-2-0/ParentRunFacet",
        "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    },
}
"""Facets by what they describe, each with its version and the class that openlineage-python has for it."""

_INPUTS = "sha256"
"""Namespace of the inputs: their names are digests."""

_MASKED = (*TEXT_FIELDS, "messages")
_FROM_TEXTS = {"messages": "instruct", "labels": "label", "cluster": "deduplicate"}
"""Columns that a stage makes of the texts."""


def render(facts: Facts) -> str | None:
    """The text of `lineage.jsonl`; None where nothing is known of how the data came about."""
    if facts.lock is None or facts.metrics["lock"] is None:
        return None
    lines = (json.dumps(event, ensure_ascii=False, sort_keys=True) for event in _Run(facts).events())
    return "".join(line + "\n" for line in lines)


class _Run:
    """A run with the names that its jobs, runs and data sets have in all events."""

    def __init__(self, facts: Facts) -> None:
        assert facts.lock
        self.facts, self.lock, self.metrics = facts, facts.lock, facts.metrics
        self.digest = str(self.metrics["lock"]["sha256"])
        self.namespace = f"govtune:{self.digest}"
        self.producer = f"urn:govtune:{self.lock['govtune']}"
        self.stages = stages(self.lock)

    def events(self) -> Iterator[dict[str, Any]]:
        """First the run begins, then each stage begins and ends, then the run ends."""
        inputs, outputs = self._inputs(), self._outputs()
        whole = self._event(None, inputs, outputs)
        yield whole | {"eventType": "START", "outputs": [_named(each) for each in outputs]}
        for at in range(len(self.stages)):
            last = at == len(self.stages) - 1
            made = outputs if last else [self._between(at)]
            event = self._event(at, [_named(self._between(at - 1))] if at else inputs, made)
            yield event | {"eventType": "START", "outputs": [_named(each) for each in made]}
            yield event | {"eventType": "COMPLETE"}
        yield whole | {"eventType": "COMPLETE"}

    def _event(
        self, at: int | None, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        facets = {"processing_engine": {"name": "govtune", "version": self.lock["govtune"]}}
        if at is not None:
            job = {"namespace": self.namespace, "name": self._job(None)}
            facets["parent"] = {"run": {"runId": self._run_id(None)}, "job": job}
        return {
            "eventTime": EPOCH,
            "producer": self.producer,
            "schemaURL": _EVENT,
            "run": {"runId": self._run_id(at), "facets": self._facets("run", facets)},
            "job": {
                "namespace": self.namespace,
                "name": self._job(at),
                "facets": self._facets("job", self._job_facets(at)),
            },
            "inputs": list(inputs),
            "outputs": list(outputs),
        }

    def _job(self, at: int | None) -> str:
        name = str(self.lock["recipe"]["name"])
        return name if at is None else f"{name}.{at}.{self.stages[at]}"

    def _run_id(self, at: int | None) -> str:
        """The same for the same lock, always."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.namespace}/{self._job(at)}"))

    def _job_facets(self, at: int | None) -> dict[str, Any]:
        told = "One run of a recipe; " if at is None else f"{self._done(at)}; "
        facets: dict[str, Any] = {
            "documentation": {"description": told + "the time is not kept, eventTime does not say it"},
            "jobType": {
                "processingType": "BATCH",
                "integration": "GOVTUNE",
                "jobType": "JOB" if at is None else "TASK",
            },
        }
        return facets | self._ownership()

    def _done(self, at: int) -> str:
        """What a stage did, in numbers."""
        step = (self.metrics["funnel"] or {}).get(self.stages[at])
        if step is None:
            return "nothing is known of what it dropped"
        dropped = [f"{count} for {reason}" for reason, count in sorted(step["dropped"].items())]
        return f"dropped: {', '.join(dropped) or 'none'}; expanded: {step['expanded']}; made: {step['made']}"

    def _ownership(self) -> dict[str, Any]:
        owner = self.facts.answers.owner
        return {"ownership": {"owners": [{"name": owner.text("en"), "type": "OWNER"}]}} if owner else {}

    def _inputs(self) -> list[dict[str, Any]]:
        return [
            {
                "namespace": _INPUTS,
                "name": digest,
                "facets": self._facets("dataset", self._version(digest)),
            }
            for digest in sorted({file["sha256"] for file in self.lock["inputs"]})
        ]

    def _between(self, at: int) -> dict[str, Any]:
        """The records as a stage leaves them: they exist in memory and in partitions only."""
        statistics = {}
        if (left := self._left(at)) is not None:
            statistics = {"outputFacets": self._facets("output", {"outputStatistics": {"rowCount": left}})}
        return {"namespace": self.namespace, "name": f"after.{at}.{self.stages[at]}", **statistics}

    def _left(self, at: int) -> int | None:
        """Records that are alive after a stage."""
        funnel, counted = self.metrics["funnel"], self.metrics["records"]
        if funnel is None or counted is None:
            return None
        alive = int(counted["input"])
        for name in self.stages[: at + 1]:
            step = funnel.get(name) or {"dropped": {}, "expanded": 0, "made": 0}
            alive += step["made"] - step["expanded"] - sum(step["dropped"].values())
        return alive

    def _outputs(self) -> list[dict[str, Any]]:
        """The data as a whole, of which columns were measured, and each file."""
        told = "The records that were kept, all files together; nullCount counts what is null or blank"
        schema = {"schema": {"fields": self._schema()}}
        files = self.metrics["files"]
        whole = {
            **schema,
            "columnLineage": self._column_lineage(),
            "dataQualityMetrics": self._quality(),
            "documentation": {"description": told},
            "version": {"datasetVersion": f"sha256:{self.digest}"},
            **self._ownership(),
        }
        rows, size = (sum(file[key] for file in files.values()) for key in ("rows", "bytes"))
        return [
            self._output("data", whole, rows, size, len(files)),
            *(
                self._output(path, schema | self._version(file["sha256"]), file["rows"], file["bytes"], 1)
                for path, file in sorted(files.items())
            ),
        ]

    def _output(
        self, name: str, facets: Mapping[str, Any], rows: int, size: int, files: int
    ) -> dict[str, Any]:
        statistics = {"rowCount": rows, "size": size, "fileCount": files}
        return {
            "namespace": self.namespace,
            "name": name,
            "facets": self._facets("dataset", facets),
            "outputFacets": self._facets("output", {"outputStatistics": statistics}),
        }

    def _version(self, digest: str) -> dict[str, Any]:
        return {"version": {"datasetVersion": f"sha256:{digest}"}}

    def _schema(self) -> list[dict[str, Any]]:
        """The columns by name: in `metrics.json` they have no order."""
        return [
            {"name": name, "type": column["type"]} for name, column in sorted(self.metrics["columns"].items())
        ]

    def _quality(self) -> dict[str, Any]:
        files, columns = self.metrics["files"].values(), self.metrics["columns"].items()
        known = {name: each["missing"] for name, each in columns if each["missing"] is not None}
        return {
            "rowCount": sum(file["rows"] for file in files),
            "bytes": sum(file["bytes"] for file in files),
            "fileCount": len(files),
            "columnMetrics": {name: {"nullCount": missing} for name, missing in known.items()},
        }

    def _column_lineage(self) -> dict[str, Any]:
        """Of which fields of the records as they were read a column is made, and where text was masked."""
        fields = {name: {"inputFields": self._origins(name)} for name in self.metrics["columns"]}
        funnel = self.metrics["funnel"] or {}
        droppers = [name for name in self.stages if funnel.get(name, {}).get("dropped")]
        dropped = [{"type": "INDIRECT", "subtype": "FILTER", "description": name} for name in droppers]
        read = [name for name in TEXT_FIELDS if name in self.metrics["columns"]]
        filters = [self._origin(name, dropped) for name in read] if dropped else []
        return {"fields": fields, "dataset": filters}

    def _origins(self, column: str) -> list[dict[str, Any]]:
        masking = self._masking(column)
        maker = _FROM_TEXTS.get(column)
        if maker in self.stages:
            kind = "DIRECT" if column == "messages" else "INDIRECT"
            made = {"type": kind, "subtype": "TRANSFORMATION", "description": maker, "masking": False}
            return [self._origin(name, [made, *masking]) for name in TEXT_FIELDS]
        if column in TEXT_FIELDS and "clean" in self.stages:
            made = {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": "clean", "masking": False}
            return [self._origin(column, [made, *masking])]
        same = {"type": "DIRECT", "subtype": "IDENTITY", "masking": False}
        return [self._origin(column, masking or [same])]

    def _masking(self, column: str) -> list[dict[str, Any]]:
        if column not in _MASKED or "anonymise" not in self.stages:
            return []
        made = {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": "anonymise", "masking": True}
        return [made]

    def _origin(self, field: str, transformations: list[dict[str, Any]]) -> dict[str, Any]:
        at = {"namespace": self.namespace, "name": f"after.0.{self.stages[0]}"}
        return {**at, "field": field, "transformations": transformations}

    def _facets(self, kind: str, facets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Facets with who says it and by which schema."""
        made = {}
        for name, facet in facets.items():
            version, _, definition = _FACETS[kind][name].partition("/")
            schema = f"{_SPEC}/facets/{version}/{definition}.json#/$defs/{definition}"
            made[name] = {"_producer": self.producer, "_schemaURL": schema, **facet}
        return made


def _named(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A data set by its name alone: before it was written nothing else is true of it."""
    return {"namespace": dataset["namespace"], "name": dataset["name"]}
