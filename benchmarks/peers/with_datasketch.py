"""datasketch: MinHash and MinHashLSH with the bands it chooses, the first of its kind kept."""

from collections.abc import Iterable, Iterator
from multiprocessing import get_context

from datasketch import MinHash, MinHashLSH
from rows import PERMUTATIONS, THRESHOLD, grams, read, task, write

EMPTY = MinHash(num_perm=PERMUTATIONS)


def sketch(text: str) -> MinHash:
    made = EMPTY.copy()
    made.update_batch({gram.encode() for gram in grams(text)})
    return made


def first(sketches: Iterable[MinHash]) -> Iterator[bool]:
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    for number, made in enumerate(sketches):
        new = not index.query(made)
        if new:
            index.insert(number, made)
        yield new


if __name__ == "__main__":
    todo = task()
    lines, texts = read(todo.source)
    with get_context("fork").Pool(todo.workers) as pool:
        write(todo.output, lines, first(pool.imap(sketch, texts, chunksize=500)))
