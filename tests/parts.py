"""Monthly series of parts, which the tests of several packages forecast."""

import numpy as np

from cartveil.insight.sequences.series import DemandSeries


def monthly(demand):
    demand = np.asarray(demand, dtype=np.float32)
    starts = (np.datetime64("2021-01") + np.arange(demand.shape[1])).astype("datetime64[D]")
    return DemandSeries(tuple(f"part {row:03d}" for row in range(len(demand))), starts, demand, period="month")


def intermittent(items=40, months=40, seed=0):
    rng = np.random.default_rng(seed)
    return monthly(rng.poisson(rng.gamma(0.5, 1.5, (items, 1)), (items, months)))
