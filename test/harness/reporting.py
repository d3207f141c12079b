"""Reporting's arithmetic, as the build has it: test/unit/workers/reporting/reference.c."""

import subprocess

import numpy


def reference(build, what, *arguments, values):
    """The lines that it answers to these values."""
    program = build / "test" / "unit" / "workers" / "reporting" / "reporting_reference"
    done = subprocess.run(
        [program, what, *(repr(a) if isinstance(a, float) else str(a) for a in arguments)],
        input=numpy.ascontiguousarray(values, dtype="<f8").tobytes(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split()


def numbers(build, what, *arguments, values):
    return numpy.array([float(x) for x in reference(build, what, *arguments, values=values)])
