"""What `metrics.json` holds: schema `metrics/2`, every number of a card with its meaning.

Null means that it cannot be measured here, never zero; `unmeasured` says why. No record text, no file name
of an input. The same definitions make the JSON Schema that `govtune card schema` prints.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "metrics/2"

LENGTH_EDGES = (1, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Lower edges of the classes in which lengths are counted, in characters; the last one is open."""

CLUSTER_EDGES = (1, 2, 3, 5, 10, 20, 50, 100)
"""Lower edges of the classes in which sizes of clusters are counted; the last one is open."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Origin(_Model):
    """What the card is about."""

    name: str = Field(description="Name of the recipe, or of the folder.")
    kind: Literal["run", "folder"] = Field(description="A run of govtune, or any other data set folder.")
    format: Literal["parquet", "jsonl", "arrow", "csv", "json"] = Field(description="Format of the files.")
    text_fields: list[str] = Field(description="Columns whose text was measured, in order.")
    label_fields: list[str] = Field(description="Columns taken as labels, of a folder.")
    config: str | None = Field(
        default=None, description="Which configuration it is, of a folder with several."
    )


class Column(_Model):
    """A column of the data as it is stored."""

    type: str = Field(description="Arrow type.")
    missing: int | None = Field(
        description="Records in which it is null or blank; null for pictures and sound, which nobody opens."
    )


class File(_Model):
    """A data file."""

    sha256: str
    bytes: int
    rows: int
    split: str | None = Field(default=None, description="In which split it stands.")


class Split(_Model):
    """Size of a split."""

    records: int
    characters: int = Field(description="Of all its texts and messages, in Unicode code points.")
    tokens: int | None = Field(default=None, description="Of all its texts and messages.")


class Lengths(_Model):
    """Lengths of texts that are not empty. Percentiles are lengths that occur (nearest rank)."""

    texts: int
    min: int | None
    median: int | None
    mean: float | None = Field(description="Six significant digits.")
    p95: int | None
    max: int | None
    classes: list[int] | None = Field(
        default=None, description=f"Texts per class of length; lower edges {list(LENGTH_EDGES)}."
    )


class Tokens(_Model):
    """Tokens by a named tokenizer, special tokens not counted."""

    tokenizer: str = Field(description="Name that it has or was given.")
    sha256: str = Field(description="Digest of its tokenizer.json.")
    total: int
    per_record: Lengths = Field(description="In tokens.")
    characters_per_token: float


class Others(_Model):
    """Values that are not named, counted together."""

    values: int
    records: int


class Distribution(_Model):
    """How records spread over the values of a field; rare values stand together."""

    values: dict[str, int]
    others: Others
    missing: int


class Agreement(_Model):
    """How far people agree who labelled the same records, without seeing each other's answer."""

    records: int = Field(description="Labelled by two people or more.")
    people: int
    alpha: float | None = Field(description="Krippendorff's alpha, nominal.")
    observed: float | None = Field(description="Share of pairs of answers that are equal.")


class Precision(_Model):
    """Share of a labeller's labels that people confirm, on records drawn at random for that."""

    labelled: int = Field(description="Records read by people.")
    right: int
    lower95: float | None = Field(description="One-sided exact bound (Clopper-Pearson) at 95 %.")


class Labels(Distribution):
    """Labels of one scheme."""

    records: int = Field(description="With a value that holds.")
    methods: dict[str, int] = Field(description="Labels that hold, by who or what gave them.")
    abstained: int
    entropy: float | None = Field(
        default=None, description="Shannon entropy of the values, share of the highest possible; 1: even."
    )
    agreement: Agreement | None = None
    precision: Precision | None = None
    confusion: dict[str, dict[str, int]] | None = Field(
        default=None, description="Rule or classifier's value, then the person's, on records both labelled."
    )


class Chat(_Model):
    """Chat examples."""

    examples: int
    messages: Lengths = Field(description="Messages per example.")
    roles: dict[str, Lengths] = Field(description="Characters per message of a role.")


class Clusters(_Model):
    """Clusters of similar records among the published; one without a cluster is one by itself."""

    number: int
    largest: int
    records_in_shared: int
    sizes: list[int] | None = Field(
        default=None, description=f"Clusters per class of size; lower edges {list(CLUSTER_EDGES)}."
    )


class Time(_Model):
    """`original_time` of the records, as exact as it was written."""

    first: str | None
    last: str | None
    by_year: dict[str, int]
    unreadable: int
    missing: int
    median: str | None = Field(default=None, description="Date before which half of the dated records lie.")


class Fates(_Model):
    """Records that came in, were made of others, and what became of them."""

    input: int
    made: int
    kept: int
    dropped: int
    expanded: int


class Step(_Model):
    """What a stage did to records."""

    dropped: dict[str, int] = Field(description="By reason.")
    expanded: int
    made: int


class Duplicates(_Model):
    """Records dropped as duplicates, and variants that were kept."""

    exact: int
    near: int
    groups: int = Field(description="Originals that had duplicates.")
    largest_group: int = Field(description="Records of the largest such group, original included.")
    variants: int


class Found(_Model):
    """Personal data of one type."""

    found: int
    replaced: int
    kept: int = Field(description="Kept by policy.")


class Rescan(_Model):
    """What the recognisers find in the data as it is published; they miss what they missed before.

    Records are drawn by the digest of their content where not all are read.
    """

    records: int = Field(description="Records looked at.")
    of: int = Field(description="Records there are.")
    detector: str = Field(description="Which recognisers looked.")
    by_type: dict[str, int] = Field(description="Findings that the policy does not keep, by type.")
    records_with_findings: int
    share: float | None = Field(description="Of the records looked at.")
    upper95: float | None = Field(
        description="One-sided exact bound at 95 % of the share of records in which this detector finds "
        "something; the share itself where all were looked at."
    )
    undecided: list[str] = Field(
        default=[],
        description="Types of which it says nothing, since their surrogates look like what is real.",
    )


class Audit(_Model):
    """People read records drawn at random after anonymising, and looked for what is left."""

    records: int = Field(description="Read by people.")
    with_findings: int = Field(description="In which they found something.")


class Residual(_Model):
    """Personal data that is left."""

    rescan: Rescan | None
    audit: Audit | None
    document_upper95: float | None = Field(
        description="One-sided exact bound (Clopper-Pearson) at 95 % of the share of records in which "
        "something is left, by what people read; null where nobody read."
    )


class Pii(_Model):
    """Personal data: what anonymising found and did in published records, and what is left."""

    found: int | None
    replaced: int | None
    kept: int | None
    by_type: dict[str, Found] | None
    records_with_findings: int | None
    records_changed: int | None
    found_in_dropped_records: int | None
    held_for_review: int | None
    residual: Residual


class Processing(_Model):
    """Which of the steps that decide about release ran."""

    screened: bool
    deduplicated: bool
    anonymised: bool
    replacement: Literal["surrogate", "placeholder"] | None


class Inputs(_Model):
    """What was read."""

    files: int
    bytes: int


class Digest(_Model):
    sha256: str


class Decontamination(_Model):
    """Overlap with texts that a model is evaluated on, and between this data set's own splits."""

    against_evaluation: dict[str, int] | None = Field(
        description="Records dropped because they overlap with evaluation texts, by reason."
    )
    shared_across_splits: int | None = Field(
        description="Clusters whose records stand in more than one split; 0 is no leak."
    )
    identical_across_splits: int = Field(
        description="Texts that stand, white space aside, in more than one split."
    )


class Metric(_Model):
    """One metric of TC609-5-2025-04."""

    score: float | None = Field(description="0 to 100; null where it cannot be computed.")
    basis: str = Field(description="Which rule gave the score, or why there is none; a code with a name.")


class Dimension(_Model):
    """A dimension of TC609-5-2025-04."""

    score: float | None = Field(description="Mean of the metrics that could be computed, 0 to 100.")
    computed: int
    metrics: dict[str, Metric] = Field(description="By the code of the standard.")


class Tc609(_Model):
    """Quality by the national format's evaluation specification, as far as it can be computed."""

    score: float | None = Field(description="The lowest of the three dimensions.")
    looked_at: int | None = Field(
        default=None, description="Records drawn at random for the metrics of 02; all, where there are fewer."
    )
    documentation: Dimension = Field(description="01, by what the card says and `card.yaml` answers.")
    data: Dimension = Field(description="02.")
    application: Dimension = Field(description="03.")


class Metrics(_Model):
    """All that is measured about a data set."""

    schema_: Literal["metrics/2"] = Field(alias="schema")
    dataset: Origin
    lock: Digest | None
    inputs: Inputs | None
    processing: Processing | None
    files: dict[str, File] = Field(description="By path in the folder.")
    columns: dict[str, Column]
    splits: dict[str, Split]
    published: Split = Field(description="All splits together.")
    lengths: dict[str, Lengths] = Field(description="Characters per text, by field.")
    tokens: Tokens | None
    chat: Chat | None
    kinds: dict[str, int] | None = Field(description="Records by kind.")
    generated: int | None = Field(description="Records whose text a program composed.")
    labels: dict[str, Labels] = Field(description="By scheme.")
    fields: dict[str, Distribution] = Field(description="Category fields of the recipe.")
    document_types: Distribution | None = Field(
        description="The 15 statutory types of official documents, by title (GB/T 9704-2012)."
    )
    regions: Distribution | None = Field(description="Province or city that a record names as its own.")
    issuers: Distribution | None = Field(description="Bodies that issued the documents or answer letters.")
    clusters: Clusters | None
    time: Time | None
    licenses: Distribution | None
    sources: Distribution | None
    records: Fates | None
    funnel: dict[str, Step] | None = Field(description="By stage, in the order of the recipe.")
    duplicates: Duplicates | None
    pii: Pii
    decontamination: Decontamination | None
    tc609: Tc609
    unmeasured: dict[str, str] = Field(description="Key that is null, and the code of the reason.")
