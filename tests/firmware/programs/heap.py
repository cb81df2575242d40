"""Prints how many bytes of the heap a record takes, over 500 looks at each rate."""

import gc

from bench import Bench

for rate_hz in (30, 60, 100, 120):
    bench = Bench(26)
    bench.start(rate_hz)
    bench.run(1)
    bench.air.sent.clear()
    bench.air.keep = False
    first = bench.unit._grid.number
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(500):
        bench.turn()
    taken = gc.mem_alloc() - before
    gc.enable()
    print(rate_hz, taken, bench.unit._grid.number - first)
