"""data-juicer by its command line: `document_minhash_deduplicator` on characters, `document_deduplicator`."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rows import PERMUTATIONS, THRESHOLD, task

todo = task()
near = {
    "document_minhash_deduplicator": {
        "tokenization": "character",
        "window_size": 5,
        "lowercase": False,
        "num_permutations": PERMUTATIONS,
        "jaccard_threshold": THRESHOLD,
    }
}
exact = {"document_deduplicator": {"lowercase": False, "ignore_non_character": False}}
with tempfile.TemporaryDirectory(dir=todo.output.parent) as folder:
    settings = {
        "project_name": "benchmark",
        "dataset_path": str(todo.source),
        "np": todo.workers,
        "export_path": f"{folder}/out/kept.jsonl",
        "work_dir": f"{folder}/work",
        "use_cache": False,
        "ds_cache_dir": f"{folder}/cache",
        "open_tracer": False,
        "process": [near if todo.method == "near" else exact],
    }
    written = Path(folder, "settings.yaml")
    written.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    subprocess.run([Path(sys.executable).with_name("dj-process"), "--config", written], check=True)
    shutil.move(Path(folder, "out", "kept.jsonl"), todo.output / "kept.jsonl")
