"""Quantiles of merged histograms against numpy, on a million samples of each distribution."""

import numpy
import pytest
from harness.reporting import numbers

QUANTILES = [0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
SAMPLES = 1_000_000

DISTRIBUTIONS = {
    "uniform": lambda rng: rng.uniform(0.001, 2, SAMPLES),
    "exponential": lambda rng: rng.exponential(0.05, SAMPLES),
    "lognormal": lambda rng: rng.lognormal(-3, 1.5, SAMPLES),
    "pareto": lambda rng: 0.002 * (1 + rng.pareto(1.2, SAMPLES)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_given_a_million_samples_then_each_quantile_is_within_one_percent(build, rng, name):
    values = DISTRIBUTIONS[name](numpy.random.default_rng(rng.randrange(2**32)))
    ours = numbers(build, "quantiles", *QUANTILES, values=values)
    theirs = numpy.quantile(values, QUANTILES)
    errors = numpy.abs(ours - theirs) / theirs
    print(f"{name}: largest relative error {errors.max():.4%} at {QUANTILES[errors.argmax()]}")
    assert errors.max() <= 0.01, dict(zip(QUANTILES, errors, strict=True))


def test_given_negative_values_then_quantiles_are_within_one_percent_too(build, rng):
    values = numpy.random.default_rng(rng.randrange(2**32)).normal(-50, 20, SAMPLES)
    ours = numbers(build, "quantiles", *QUANTILES, values=values)
    theirs = numpy.quantile(values, QUANTILES)
    assert (numpy.abs(ours - theirs) <= 0.01 * numpy.abs(theirs) + 1e-3).all()
