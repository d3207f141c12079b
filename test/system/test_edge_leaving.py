"""Clients that go away while their request is under way: nothing of theirs is left behind."""

import json
import socket
import struct

from harness.commands import INVOICE
from harness.wait import wait_for


def begin_post(edge, client, *fields):
    """A command on a socket of its own, whose answer nobody reads yet."""
    body = json.dumps(INVOICE)
    lines = [
        f"POST {client.base()}/invoices HTTP/1.1",
        "Host: edge",
        f"Authorization: Bearer {client.key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *fields,
    ]
    connection = socket.create_connection(("127.0.0.1", edge.port), 20)
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    return connection


def reset(connection):
    """Ends it as a client that crashed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_given_a_client_that_leaves_while_the_drained_edge_flushes_then_it_ends_in_good_order(
    system,
):
    client = system.client()
    edge = system.start_edge(EDGE_PORT=0, DRAIN_MS=200)
    client.http.port = edge.port
    assert client.create_invoice().status == 202
    client.http.close()

    system.kafka.freeze()
    connection = begin_post(edge, client)
    wait_for(lambda: edge.metric("millrace_edge_in_flight") == 1, "the command to be in flight")
    edge.send(15)
    wait_for(
        lambda: edge.readiness()[1]["detail"]["kafka"]["producer"] == "away",
        "the last flush to begin",
        5,
    )
    reset(connection)
    assert edge.wait(10) == 0
    system.kafka.thaw()
    assert not edge.complaints(), edge.complaints()
