"""Waiting for an event, with a deadline."""

import time


class Late(AssertionError):
    """What was waited for did not happen in time."""


def wait_for(condition, what, deadline_s=15.0, every_s=0.02):
    """Calls condition() until it returns something true, and returns that.

    An exception of `condition` counts as "not yet" and is told in the end. Raises Late, which names
    `what` was waited for and what was seen last.
    """
    end = time.monotonic() + deadline_s
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except (AssertionError, OSError, LookupError, ValueError) as error:
            if isinstance(error, Gone):
                raise
            seen = repr(error)
        except Exception as error:  # a database that is away says so in its own classes
            if type(error).__module__.split(".")[0] not in ("psycopg", "aiokafka", "http"):
                raise
            seen = repr(error)
        if time.monotonic() >= end:
            raise Late(f"{what}: not within {deadline_s:g} s; last seen: {seen!r}")
        time.sleep(every_s)


class Gone(AssertionError):
    """A process that something was awaited from has ended: waiting on is in vain."""


def stays(condition, what, for_s, every_s=0.05):
    """Holds that condition() is true all through `for_s` seconds: for what must *not* happen."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        assert condition(), f"{what}: no longer so"
        time.sleep(every_s)
