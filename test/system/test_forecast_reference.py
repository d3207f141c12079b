"""The forecast against statsmodels' Holt-Winters with the same parameters and first values, and the
parameters against those that statsmodels finds."""

import numpy
import pytest
from harness.reporting import numbers, reference
from statsmodels.tsa.holtwinters import ExponentialSmoothing

HORIZON = 25
PARAMETERS = [
    (0.3, 0.1, 0.2, 0.9),
    (0.05, 0.0, 0.5, 0.98),
    (0.9, 0.5, 0.05, 0.8),
    (0.2, 0.05, 0.1, 1.0),
]


def past(rng, hours, period, noise=10):
    """A season of the period, a slope, noise."""
    draw = numpy.random.default_rng(rng.randrange(2**32))
    hour = numpy.arange(hours)
    season = 60 * numpy.sin(hour * 2 * numpy.pi / 24) + (30 if period > 24 else 0) * (
        hour % 168 < 120
    )
    return 300 + 0.1 * hour + season + draw.normal(0, noise, hours)


def model(y, period, begin, damped):
    return ExponentialSmoothing(
        y,
        trend="add",
        damped_trend=damped,
        seasonal="add",
        seasonal_periods=period,
        initialization_method="known",
        initial_level=begin[0],
        initial_trend=begin[1],
        initial_seasonal=begin[2:],
    )


@pytest.mark.parametrize(("hours", "period"), [(72, 24), (335, 24), (336, 168), (1008, 168)])
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_given_parameters_then_fitted_values_and_forecast_are_theirs(
    build, rng, hours, period, parameters
):
    y = past(rng, hours, period)
    level, trend, seasonal, damping = parameters
    begin = numbers(build, "begin", period, values=y)
    ours = numbers(build, "smooth", *parameters, period, HORIZON, values=y)
    theirs = model(y, period, begin, damping < 1).fit(
        smoothing_level=level,
        smoothing_trend=trend,
        smoothing_seasonal=seasonal,
        damping_trend=damping if damping < 1 else None,
        optimized=False,
    )
    numpy.testing.assert_allclose(ours[:hours], theirs.fittedvalues, rtol=1e-9)
    forecast = numpy.array(theirs.forecast(HORIZON))
    if period < HORIZON:
        # statsmodels predicts the last value's place in the season from the season before it, as if
        # that value had not been seen: what it taught is added here.
        forecast[period - 1] += seasonal * (y[-1] - ours[hours - 1])
    numpy.testing.assert_allclose(ours[hours:], forecast, rtol=1e-9)


@pytest.mark.parametrize(("hours", "method"), [(240, "holt-winters-24"), (504, "holt-winters-168")])
def test_given_a_past_then_our_search_predicts_about_as_well_as_their_optimizer(
    build, rng, hours, method
):
    period = int(method.rsplit("-", 1)[1])
    ours, theirs = [], []
    for _ in range(5):
        y = past(rng, hours + 24, period)
        name, *predicted = reference(build, "forecast", 24, values=y[:hours])
        assert name == method
        begin = numbers(build, "begin", period, values=y[:hours])
        fitted = model(y[:hours], period, begin, True).fit(optimized=True)
        came = y[hours:]
        ours.append(numpy.abs(numpy.array(predicted, dtype=float) - came).mean())
        theirs.append(numpy.abs(fitted.forecast(24) - came).mean())
    print(f"{method}: MAE {numpy.mean(ours):.2f}, statsmodels' {numpy.mean(theirs):.2f}")
    assert numpy.mean(ours) <= 1.15 * numpy.mean(theirs)
