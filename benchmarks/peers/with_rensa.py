"""rensa: `near` is the deduplicator of its README (it checks the sketches' estimate), `lsh` its index
alone: a document goes if an earlier one collides with it."""

import rensa
from rows import BANDS, PERMUTATIONS, THRESHOLD, grams, read, task, write

AT_ONCE = 5000

todo = task()
lines, texts = read(todo.source)
keep: list[bool] = []
if todo.method == "near":
    tool = rensa.RMinHashDeduplicator(
        threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True, num_bands=BANDS
    )
    for start in range(0, len(texts), AT_ONCE):
        pairs = ((str(at), grams(text)) for at, text in enumerate(texts[start : start + AT_ONCE], start))
        keep += tool.add_pairs(pairs)
else:
    index = rensa.RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=BANDS)
    for start in range(0, len(texts), AT_ONCE):
        sets = [grams(text) for text in texts[start : start + AT_ONCE]]
        sketches = rensa.RMinHash.from_token_sets(sets, PERMUTATIONS, 42)
        index.insert_many(sketches, start)
        found = index.query_all(sketches)
        keep += [min(others, default=at) >= at for at, others in enumerate(found, start)]
write(todo.output, lines, keep)
