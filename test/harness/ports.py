"""Free ports of the loopback interface."""

import random
import socket
from pathlib import Path

_given = set()
_choice = random.SystemRandom()


def free_port():
    """A port that nobody listens on, and that no outgoing connection takes meanwhile.

    The kernel gives outgoing connections the ports of its ephemeral range: one of those may be
    gone between the choice and the server's start, or while a story has the server stopped.
    """
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(10_000, ephemeral) if ephemeral > 12_000 else range(61_000, 65_536)
    while True:
        port = _choice.choice(candidates)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
