"""Benchmarks: each bench_<name>.py prints one table of things that were run in turn on one machine.

`./scripts/bench` builds what they need and runs them. What is compared runs interleaved, round by
round, so that a machine that grows slower or is disturbed hurts all of it alike.
"""
