"""gaoya: its string index with its own character analyser; a document goes if an earlier one is found."""

from gaoya.minhash import MinHashStringIndex
from rows import BANDS, ROWS, THRESHOLD, read, task, write

todo = task()
lines, texts = read(todo.source)
index = MinHashStringIndex(
    hash_size=32,
    jaccard_threshold=THRESHOLD,
    num_bands=BANDS,
    band_size=ROWS,
    analyzer="char",
    lowercase=False,
    ngram_range=(5, 5),
)
index.par_bulk_insert_docs(list(range(len(texts))), texts)
found = index.par_bulk_query(texts)
write(todo.output, lines, (not others or min(others) == at for at, others in enumerate(found)))
