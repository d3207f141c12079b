"""The client's own ledger: what it asked for, what it was told, and whether both still agree.

It knows nothing of the system but its HTTP contract. Each entry is sent again with the same
Idempotency-Key until it is accepted, and followed by its receipt until it has an outcome.
"""

import threading
import uuid
from dataclasses import dataclass, field

from .http import NoAnswer
from .wait import wait_for

# Keys that are no UUIDs become version 5 UUIDs in this namespace (design, section 3).
NAMESPACE = uuid.UUID("1a87e19b-12b9-5492-8ce7-16a7330031bb")

SETTLED = ("applied", "rejected", "quarantined")
UNSURE = (503, 504)  # certainly not stored; perhaps stored


def id_of_key(account, key, domain="billing"):
    """The command id that an Idempotency-Key stands for, on any edge."""
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, f"{account}\n{domain}\n{key}"))


@dataclass
class Entry:
    """One command as the client sees it."""

    account: str
    path: str
    body: object
    key: str
    id: str = None
    location: str = None
    attempts: list = field(default_factory=list)  # statuses; None: no answer
    outcome: dict = None


class Ledger:
    """Thread-safe. client: a harness.client.Client, which may be handed a new port meanwhile."""

    def __init__(self, client):
        self.client = client
        self.entries = []
        self._lock = threading.Lock()

    def submit(self, account, path, body, key, deadline_s=60):
        """Sends until it is accepted; until then the answer may be "not sure" or none at all."""
        entry = Entry(account, path, body, key)
        with self._lock:
            self.entries.append(entry)
        wait_for(lambda: self._attempt(entry), f"{path} of {key} to be accepted", deadline_s, 0.05)
        return entry

    def _attempt(self, entry):
        try:
            reply = self.client.post(entry.path, entry.body, {"Idempotency-Key": entry.key})
        except NoAnswer:
            entry.attempts.append(None)
            return False
        entry.attempts.append(reply.status)
        if reply.status in UNSURE:
            return False
        if reply.status != 202:
            raise RuntimeError(f"{entry.path} of {entry.key}: {reply}")
        receipt = reply.json()
        expected = id_of_key(entry.account, entry.key)
        if receipt["id"] != expected:
            raise RuntimeError(f"{entry.key} must stand for {expected}, not {receipt['id']}")
        entry.id = receipt["id"]
        entry.location = reply.header("location")
        return True

    def settle(self, deadline_s=60):
        """Follows every receipt to its outcome; returns {outcome: count}."""
        counts = {}
        for entry in self.entries:
            if entry.outcome is None:
                entry.outcome = wait_for(
                    lambda: self._outcome(entry), f"the outcome of {entry.id}", deadline_s, 0.05
                )
            status = entry.outcome["status"]
            counts[status] = counts.get(status, 0) + 1
        return counts

    def _outcome(self, entry):
        reply = self.client.get(entry.location, {"Prefer": "wait=5"})
        assert reply.status == 200, reply
        receipt = reply.json()
        assert receipt["id"] == entry.id
        return receipt if receipt["status"] in SETTLED else None

    def unsure(self):
        """How many attempts got no certain answer: that the faults were felt at all."""
        return sum(1 for entry in self.entries for status in entry.attempts if status != 202)
