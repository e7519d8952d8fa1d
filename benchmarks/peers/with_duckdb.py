"""duckdb: the row with the lowest id of each text; the order of the rows is not kept."""

import duckdb
from rows import task

todo = task()
connection = duckdb.connect()
connection.execute("set preserve_insertion_order = false")
rows = f"read_json('{todo.source}', format='newline_delimited', columns={{id: 'VARCHAR', text: 'VARCHAR'}})"
first = f"select id, text from {rows} qualify row_number() over (partition by text order by id) = 1"
connection.execute(f"copy ({first}) to '{todo.output}/kept.jsonl' (format json)")
