"""CPU seconds of a whole curation run, by stage, on one core.

python benchmarks/curate.py                                      # 2,000 invented records
python benchmarks/curate.py letters.jsonl --recipe default       # any input
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from curation import curate, load
from curation.samples import generate
from data_cards.outputs import build


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("--recipe", default="letters")
    parser.add_argument("--records", type=int, default=2000, help="invented records, where no input is given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = arguments.inputs
        if not inputs:
            generate(Path(folder) / "sample", records=arguments.records)
            inputs = [Path(folder) / "sample" / "data"]
        started = time.process_time()
        summary = curate(load(arguments.recipe), inputs, Path(folder) / "run", card=build)
        total = time.process_time() - started
    print(f"{summary.rows:,} records, {total:.1f} CPU s, {summary.rows / total:,.0f} records per CPU second")
    for stage, seconds in sorted(summary.seconds.items(), key=lambda item: -item[1]):
        print(f"{seconds:>8.2f} s  {stage}")
    rest = total - sum(summary.seconds.values())
    print(f"{rest:>8.2f} s  everything else (verdicts, publishing, card, imports)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / (1 << 20 if sys.platform != 'darwin' else 1 << 30):.2f} GiB")


if __name__ == "__main__":
    main()
