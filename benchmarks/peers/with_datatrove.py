"""datatrove: its four MinHash steps with its default bands (14 x 8). A tokenizer of single characters stands
in for its Chinese one (spaCy and jieba), so that its 5-grams are code-point 5-grams."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.word_tokenizers import WordTokenizer
from rows import task


class Characters(WordTokenizer):
    def word_tokenize(self, text):
        return list(text)

    def sent_tokenize(self, text):
        return [text]

    def span_tokenize(self, text):
        return [(0, len(text))]


def main() -> None:
    todo = task()
    with tempfile.TemporaryDirectory(dir=todo.output.parent) as folder:
        parts = Path(folder, "in")  # it shares work out by files
        parts.mkdir()
        with ExitStack() as opened, todo.source.open("rb") as rows:
            names = [parts / f"{n:02}.jsonl" for n in range(todo.workers)]
            files = [opened.enter_context(name.open("wb")) for name in names]
            for number, line in enumerate(rows):
                files[number % todo.workers].write(line)
        config = MinhashConfig(hash_config=HashConfig(precision=64))

        def step(name: str, tasks: int, *pipeline: object) -> None:
            LocalPipelineExecutor(
                pipeline=list(pipeline),
                tasks=tasks,
                workers=min(todo.workers, tasks),
                logging_dir=f"{folder}/log/{name}",
                start_method="fork",
            ).run()

        sign = MinhashDedupSignature(f"{folder}/sign", config=config, language=Characters("zh"))
        step("sign", todo.workers, JsonlReader(str(parts)), sign)
        buckets = MinhashDedupBuckets(f"{folder}/sign", f"{folder}/buckets", config=config)
        step("buckets", config.num_buckets, buckets)
        step("cluster", 1, MinhashDedupCluster(f"{folder}/buckets", f"{folder}/gone", config=config))
        kept = JsonlWriter(str(todo.output), compression=None)
        step("filter", todo.workers, JsonlReader(str(parts)), MinhashDedupFilter(f"{folder}/gone"), kept)


main()
