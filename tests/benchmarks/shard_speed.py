"""CPU time and size of a crop on its way into a shard and out of it.

    python tests/benchmarks/shard_speed.py [SHARD]

Without a shard of real renders, crops cut from the bundled clip are used. Prints the least of three rounds of 1,000
crops: ms of CPU to encode and write and to read and decode one, and bytes per crop.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from small_source import SmallSource

from training.synthetic.shards import read_shard, write_shard

CROPS, DIFFERENT, ROUNDS = 1000, 100, 3


def least_cpu_ms(work: Callable[[], object]) -> float:
    spent_s = []
    for _ in range(ROUNDS):
        started_s = time.process_time()
        work()
        spent_s.append(time.process_time() - started_s)
    return min(spent_s) / CROPS * 1e3


def main() -> None:
    cv2.setNumThreads(1)
    if len(sys.argv) > 1:
        crops = list(islice(read_shard(Path(sys.argv[1])), DIFFERENT))
    else:
        source = SmallSource()
        crops = [source.crop(number) for number in range(DIFFERENT)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "crops-00000.tar"
        write_ms = least_cpu_ms(lambda: write_shard(path, (crops[number % len(crops)] for number in range(CROPS))))
        read_ms = least_cpu_ms(lambda: sum(1 for _ in read_shard(path)))
        size = path.stat().st_size
    print(f"write {write_ms:.2f} ms, read {read_ms:.2f} ms, {size / CROPS:.0f} bytes per crop")


if __name__ == "__main__":
    main()
