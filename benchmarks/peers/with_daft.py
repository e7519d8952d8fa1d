"""daft: its minhash, bands by explode and group, components by alternating large and small stars.

Its minhash cuts shingles at spaces only, so a space is put after every character first.
"""

import daft
from daft import DataType, col, lit
from daft.functions import minhash, when
from rows import BANDS, PERMUTATIONS, ROWS, task

NUMBERS = DataType.list(DataType.uint32())


def stars(edges: daft.DataFrame) -> daft.DataFrame:
    """Every node of a component beside its smallest one."""
    before = None
    while True:
        both = edges.select("u", "v").union_all(edges.select(col("v").alias("u"), col("u").alias("v")))
        near = both.groupby("u").agg(col("v").min().alias("low"), col("v").list_agg().alias("v"))
        near = near.with_column("low", when(col("low") < col("u"), col("low")).otherwise(col("u")))
        large = near.explode("v").where(col("v") > col("u"))
        large = large.select(col("low").alias("u"), "v").where(col("u") != col("v")).distinct().collect()
        near = large.groupby("v").agg(col("u").min().alias("low"), col("u").list_agg().alias("u"))
        small = near.explode("u").select(col("low").alias("w"), col("u").alias("v"))
        small = small.union_all(near.select(col("low").alias("w"), "v")).where(col("w") != col("v"))
        edges = small.select(col("w").alias("u"), "v").distinct().collect()
        sums = edges.agg(col("u").sum(), col("v").sum()).to_pydict()
        state = (edges.count_rows(), *(value[0] for value in sums.values()))
        if state == before:
            return edges
        before = state


todo = task()
if todo.method == "exact":
    daft.read_json(str(todo.source)).distinct("text").write_json(str(todo.output))
    raise SystemExit

rows = daft.read_json(str(todo.source))._add_monotonically_increasing_id("node")
sketch = minhash(
    col("text").regexp_replace("(?s)(.)", "$1 "),
    num_hashes=PERMUTATIONS,
    ngram_size=5,
    seed=42,
    hash_function="xxhash",
)
rows = rows.with_column("sketch", sketch).collect()
bands = rows.select("node", col("sketch").cast(NUMBERS).chunk(ROWS).alias("band"))
bands = bands.with_column("number", lit(list(range(BANDS)))).explode("band", "number")
bands = bands.with_column("band", col("band").cast(NUMBERS))
groups = bands.groupby("number", "band").agg(col("node").min().alias("u"), col("node").list_agg().alias("v"))
edges = groups.explode("v").where(col("u") != col("v")).select("u", "v").distinct().collect()
gone = stars(edges).select(col("v").alias("node")).distinct() if edges.count_rows() else edges.select("v")
kept = rows.exclude("sketch").join(gone, on="node", how="anti").exclude("node")
kept.write_json(str(todo.output))
