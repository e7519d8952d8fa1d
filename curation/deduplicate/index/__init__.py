"""What is known of records that were deduplicated before, so that new ones can be compared with them.

The format, `deduplicate-index/1`, is a folder:

- `index.json`: the schema, what decides whether texts are comparable (`method`, `threshold`, `normalise`,
  `marks`, the version of the vetoes), and the segments in the order they were added, each with its rows,
  texts and the SHA-256 of its input files.
- `NNNNNN.rows.parquet`, one row per record: `id`, `own` (whether the record came with it), `digest` (128 bits
  of SHA-256 of the normalised text), `length` in code points, and `moment`, `quality`, `source` for the
  survivor policies.
- `NNNNNN.texts.parquet`, one row per distinct text that no earlier segment has: `digest`, `bands` (band keys
  of MinHash, four bytes each), `marks` (eight bytes for each of `veto.VETOES`), `shingles` (the sketch in
  full: the distinct 64-bit hashes of its 5-grams, sorted, eight bytes each, little-endian).

It holds facts, not verdicts: a verdict on new records is the one they get among all. It holds no text, but
who has it can tell whether it knows a given text, and with patience put sentences together again out of
hashes. It is as confidential as the records, so it is written for its owner alone.
"""
