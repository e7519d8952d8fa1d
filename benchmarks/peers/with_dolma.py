"""dolma: its Bloom filter over whole texts (identical ones), then its mixer. It takes gzipped files only; the
conversion is part of the cost."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rows import task

todo = task()
dolma = Path(sys.executable).with_name("dolma")
with tempfile.TemporaryDirectory(dir=todo.output.parent) as folder:
    documents = Path(folder, "documents")
    documents.mkdir()
    count = 0
    with ExitStack() as opened, todo.source.open("rb") as rows:
        names = [documents / f"{n}.json.gz" for n in range(todo.workers)]
        parts = [opened.enter_context(gzip.open(name, "wb", 1)) for name in names]
        for count, line in enumerate(rows, 1):
            parts[count % todo.workers].write(line)
    env = {**os.environ, "NLTK_DATA": folder}
    dedupe = ["--documents", f"{documents}/*.json.gz", "--dedupe.name", "same"]
    dedupe += ["--dedupe.documents.key", "$.text", "--dedupe.documents.attribute_name", "same"]
    dedupe += ["--bloom_filter.file", f"{folder}/filter.bin", "--no-bloom_filter.read_only"]
    dedupe += ["--bloom_filter.estimated_doc_count", str(2 * count)]
    dedupe += ["--bloom_filter.desired_false_positive_rate", "0.00001", "--processes", str(todo.workers)]
    subprocess.run([dolma, "dedupe", *dedupe], check=True, env=env)
    unwanted = "$.attributes[?(@.same && @.same[0] && @.same[0][2] >= 1)]"
    stream = {
        "name": "kept",
        "documents": [f"{documents}/*.json.gz"],
        "attributes": ["same"],
        "output": {"path": f"{folder}/out", "max_size_in_bytes": 10**11},
        "filter": {"include": [], "exclude": [unwanted]},
    }
    settings = Path(folder, "mix.json")
    settings.write_text(json.dumps({"streams": [stream], "processes": todo.workers}), encoding="utf-8")
    subprocess.run([dolma, "-c", settings, "mix"], check=True, env=env)
    with (todo.output / "kept.jsonl").open("wb") as kept:
        for part in sorted(Path(folder, "out").rglob("*.gz")):
            with gzip.open(part) as rows:
                shutil.copyfileobj(rows, kept)
