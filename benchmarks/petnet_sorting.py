"""Speed of the coincidence sorter beside a loop over hits in Python and a sorter in pandas, on the same singles; prints JSON.

    python benchmarks/petnet_sorting.py [--singles 2000000] [--rate 20e6] [--window 2000] [--file SINGLES.root] [--repeats 5]

Random singles of a rate in 1/s; window in ps. Every single that lies in no other's window opens one. `loop` is the least
that can be done in Python: times in a list, and two singles in a window are a pair, unless there are more (GATE's
killAll); `pandas` the same with a table (`pip install pandas`; left out if it is not there). `policy_loop` does what a
sorter has to: energies, a cut on sectors, GATE's takeWinnerOfGoods. All give the same pairs as ours, which is checked.
They are timed on the first 200 000 singles. With a file: the seconds to read all its branches, and to sort it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pphysml.compiled_cache import use_user_cache
from pphysml.verbs.engine_choice import EngineChoice

use_user_cache()

from pphysml.io.ragged import Columns, Ragged  # noqa: E402
from pphysml.progress import Silent  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.petnet.classical.sorter import sort_pairs  # noqa: E402
from pphysml.tasks.petnet.config.engines import ClassicalConfig  # noqa: E402
from pphysml.verbs.engine_choice import choose  # noqa: E402
from pphysml.verbs.examples import Findings, parts  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402

SMALL = 200_000

SECTORS = 12
APART = 2

SIMPLE = ClassicalConfig(policy="killAll")
WINNER = ClassicalConfig(policy="takeWinnerOfGoods", min_sector_difference=APART)

Singles = dict[str, NDArray[Any]]
PairList = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--singles", type=int, default=2_000_000)
    parser.add_argument("--rate", type=float, default=20e6)
    parser.add_argument("--window", type=int, default=2000)
    parser.add_argument("--file")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    slices = random_slice(options.singles, options.rate)
    result: dict[str, Any] = {"singles": options.singles}
    for name, sorter, settings in (("loop", loop, SIMPLE), ("pandas", in_pandas, SIMPLE), ("policy_loop", policy_loop, WINNER)):
        seconds, pairs = best(lambda c=settings: compiled(slices, options.window, c), options.repeats)  # type: ignore[misc]
        small = {k: v.flat[:SMALL] for k, v in slices.items() if isinstance(v, Ragged)}
        try:
            seconds_other, found = best(lambda s=sorter, a=small: s(a, options.window), 2)  # type: ignore[misc]
        except ModuleNotFoundError:
            continue
        # The last ones of the few may have had partners among those that were left out.
        assert np.array_equal(found[(found < SMALL - 100).all(1)], pairs[(pairs < SMALL - 100).all(1)]), name
        ours, theirs = len(slices["ps"].flat) / seconds / 1e6, SMALL / seconds_other / 1e6  # type: ignore[union-attr]
        result[name] = {"M_singles_per_s": theirs, "ours_M_singles_per_s": ours, "times_faster": ours / theirs, "pairs": len(pairs)}
    if options.file:
        result |= of_file(options.file, options.window)
    print(json.dumps(result, indent=1))


def best(run: Callable[[], PairList], repeats: int) -> tuple[float, PairList]:
    """Return the shortest CPU time of several calls, after one that compiles."""
    found = run()
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    return min(seconds), found


def random_slice(n: int, rate: float) -> Columns:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.exponential(1e12 / rate, n)).astype(np.int64)

    def column(values: Any, dtype: type) -> Ragged:
        return Ragged(np.asarray(values).astype(dtype), np.array([0, n]))

    zero = np.zeros(n)
    return {"n_owned": np.array([n], dtype=np.int32), "time": column(times * 1e-12, np.float64), "energy": column(rng.uniform(0.4, 0.6, n), np.float32),
            "x": column(zero, np.float32), "y": column(zero, np.float32), "z": column(zero, np.float32),
            "rsector_id": column(rng.integers(0, SECTORS, n), np.int32), "ps": column(times, np.int64)}


def compiled(slices: Columns, window: int, options: ClassicalConfig) -> PairList:
    pairs = sort_pairs(slices, options, window, 0.0, SECTORS)
    return np.column_stack([pairs.first, pairs.second])


def loop(singles: Singles, window: int) -> PairList:
    """Sort hit by hit."""
    listed = singles["ps"].tolist()
    pairs: list[tuple[int, int]] = []
    begin, n = 0, len(listed)
    while begin < n:
        i = begin + 1
        while i < n and listed[i] - listed[begin] <= window:
            i += 1
        if i - begin == 2:
            pairs.append((begin, begin + 1))
        begin = i
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def policy_loop(singles: Singles, window: int) -> PairList:
    """Sort hit by hit, with a cut and a policy."""
    hits = list(zip(singles["ps"].tolist(), singles["energy"].tolist(), singles["rsector_id"].tolist(), strict=True))
    pairs: list[tuple[int, int]] = []
    group: list[int] = []
    for number, hit in enumerate(hits):
        if group and hit[0] - hits[group[0]][0] > window:
            pairs += winner(hits, group)
            group = []
        group.append(number)
    return np.array(pairs + winner(hits, group), dtype=np.int64).reshape(-1, 2)


def winner(hits: list[tuple[int, float, int]], group: list[int]) -> list[tuple[int, int]]:
    best_pair, most = [], -1.0
    for i, j in combinations(group, 2):
        apart = abs(hits[i][2] - hits[j][2])
        if min(apart, SECTORS - apart) >= APART and hits[i][1] + hits[j][1] > most:
            best_pair, most = [(i, j)], hits[i][1] + hits[j][1]
    return best_pair


def in_pandas(singles: Singles, window: int) -> PairList:
    """Sort with a table: groups are opened by single, then counted and chosen by `groupby`."""
    import pandas

    times = singles["ps"]
    table = pandas.DataFrame({"time": times})
    opener, opened = np.empty(len(times), dtype=np.int64), -1
    last = -window - 1
    for number, moment in enumerate(table["time"]):
        if moment - last > window:
            opened, last = number, moment
        opener[number] = opened
    table["opener"] = opener
    size = table.groupby("opener")["time"].transform("size")
    chosen = table[size == 2].index.to_numpy()
    pairs: PairList = chosen.reshape(-1, 2).astype(np.int64)
    return pairs


def of_file(path: str, window: int) -> dict[str, float]:
    """Return the CPU seconds that reading a file and sorting its singles take."""
    task = get_task("petnet")
    chosen = choose(task, EngineChoice(engine="classical", overrides=[f"apply.window={window}", "apply.classical.policy=killAll"]))
    reader = Inputs([path]).open(task, chosen.config)
    reading = sorting = 0.0
    for _ in range(2):  # once to compile
        began, reading, sorting = time.process_time(), 0.0, 0.0
        for examples, _ in parts(task, chosen, reader, False, Findings(), Silent()):
            reading += time.process_time() - began
            began = time.process_time()
            chosen.engine(examples)
            sorting += time.process_time() - began
            began = time.process_time()
    return {"file_entries": reader.n_entries, "reading_cpu_s": reading, "sorting_cpu_s": sorting, "sorting_over_reading": sorting / reading}


if __name__ == "__main__":
    main()
