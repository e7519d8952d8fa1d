"""polars: the first row of each text, in order."""

import polars as pl
from rows import task

todo = task()
rows = pl.scan_ndjson(todo.source, schema={"id": pl.String, "text": pl.String})
rows.unique("text", keep="first", maintain_order=True).collect().write_ndjson(todo.output / "kept.jsonl")
