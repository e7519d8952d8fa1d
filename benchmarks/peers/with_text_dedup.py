"""text-dedup by its command line. Its tokens are words of `\\w`, a Chinese clause being one word: `near` puts
a space between all characters first (the conversion is part of the cost), `shipped` does not."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rows import PERMUTATIONS, THRESHOLD, task

todo = task()
with tempfile.TemporaryDirectory(dir=todo.output.parent) as folder:
    source, column = todo.source, "text"
    if todo.method == "near":
        source, column = Path(folder) / "spaced.jsonl", "spaced"
        with todo.source.open(encoding="utf-8") as rows, source.open("w", encoding="utf-8") as spaced:
            for line in rows:
                row = json.loads(line)
                row["spaced"] = " ".join(row["text"])
                spaced.write(json.dumps(row, ensure_ascii=False) + "\n")
    module, options = "minhash", ["--ngram", "5", "--num_perm", str(PERMUTATIONS), "--min_length", "1"]
    options += ["--threshold", str(THRESHOLD), "--hash_func", "xxh3"]
    if todo.method == "exact":
        module, options = "exact_hash", ["--hash_func", "xxh3"]
    common = ["--path", "json", "--data_files", str(source), "--split", "train"]
    common += ["--cache_dir", f"{folder}/cache", "--output", str(todo.output), "--column", column]
    common += ["--batch_size", "10000", "--num_proc", str(todo.workers)]
    subprocess.run([sys.executable, "-m", f"text_dedup.{module}", *common, *options], check=True)
