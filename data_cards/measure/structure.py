"""How the records of a data set hang together: clusters of similar ones, texts that stand in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_cards.columns import count
from data_cards.dataset import Dataset, Part
from data_cards.measure.sizes import classes
from data_cards.metrics import CLUSTER_EDGES


class Clusters:
    """`clusters`, and which of them stand in several splits; a record without a cluster is one by itself."""

    def __init__(self, dataset: Dataset, grouped: bool) -> None:
        """
        Args:
            grouped: something made clusters, so that a record without one is known to be alone.
        """
        self._column = dataset.roles.columns.get("cluster")
        self._grouped = grouped
        self.columns = [self._column] if self._column else []
        self._found: list[pa.Table] = []
        self._alone = 0

    def add(self, part: Part) -> None:
        if self._column:
            values = part.table[self._column].cast(pa.string())
            self._alone += values.null_count
            sizes = (
                pa.table({"cluster": values.drop_null()}).group_by("cluster").aggregate([([], "count_all")])
            )
            split = pa.repeat(pa.scalar(part.split, pa.string()), sizes.num_rows)
            self._found.append(sizes.append_column("split", split))

    def result(self) -> dict[str, Any]:
        known = sum(table.num_rows for table in self._found)
        if not self._column or not (known or self._grouped):
            return {"clusters": None}
        sizes = Counter({1: self._alone} if self._alone else {})
        if known:
            found = pa.concat_tables(self._found).group_by("cluster").aggregate([("count_all", "sum")])
            sizes.update(count(found["count_all_sum"]))
        return {
            "clusters": {
                "number": sizes.total(),
                "largest": max(sizes, default=0),
                "records_in_shared": sum(size * number for size, number in sizes.items() if size > 1),
                "sizes": classes(sizes, CLUSTER_EDGES),
            }
        }

    def shared(self) -> int | None:
        """Clusters whose records stand in more than one split; null where there are no clusters."""
        if self.result()["clusters"] is None:
            return None
        if not self._found:
            return 0
        pairs = pa.concat_tables(self._found).group_by(["cluster", "split"]).aggregate([])
        splits = pairs.group_by("cluster").aggregate([("split", "count")])["split_count"]
        return int(pc.sum(pc.greater(splits, 1)).as_py() or 0)


class Leaks:
    """`decontamination`: clusters and texts that stand in more than one split.

    A text is what a record asks or tells: its text, or what the user says in a chat example.
    """

    def __init__(self, dataset: Dataset, clusters: Clusters) -> None:
        self._clusters = clusters
        self._several = len(dataset.files) > 1
        self._text = dataset.roles.columns.get("text")
        self._chat = dataset.chat
        columns = [self._text, self._chat.column if self._chat else None]
        self.columns: Sequence[str] = [name for name in columns if name] if self._several else []
        self._seen: dict[str, list[NDArray[np.int64]]] = {split: [] for split in dataset.files}

    def add(self, part: Part) -> None:
        if self._several:
            texts = [part.table[self._text]] if self._text else []
            if self._chat:
                said = pc.list_flatten(part.table[self._chat.column].combine_chunks())
                asked = pc.is_in(pc.struct_field(said, self._chat.role), pa.array(["user", "human"]))
                texts.append(pc.struct_field(said, self._chat.content).filter(pc.fill_null(asked, False)))
            for column in texts:
                self._seen[part.split].append(_digests(column.drop_null().to_pylist()))

    def result(self) -> dict[str, Any]:
        splits = [np.unique(np.concatenate(found)) for found in self._seen.values() if found]
        every = np.concatenate(splits) if splits else np.empty(0, np.int64)
        _, times = np.unique(every, return_counts=True)
        return {
            "decontamination": {
                "against_evaluation": None,
                "shared_across_splits": self._clusters.shared(),
                "identical_across_splits": int((times > 1).sum()),
            }
        }


def _digests(texts: Sequence[str]) -> NDArray[np.int64]:
    """A number for each text that is not blank, without its white space; good in this process only."""
    bare = ["".join(text.split()) for text in texts]
    return np.fromiter((hash(text) for text in bare if text), np.int64)
