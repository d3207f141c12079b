"""What is not HTTP is refused, and fails alone."""

import json
import re
import socket

import pytest
from harness.http import raw, read_reply

POST = b"POST /v1/accounts/3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10/invoices HTTP/1.1\r\n"
HOST = b"Host: edge\r\n"

# Requests that are answered with this status, after which the connection is closed.
REFUSED = {
    "no-host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two-hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "bare-line-feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare-carriage-return": (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    "nul-in-a-field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    "space-before-colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "folded-field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "no-version": (b"GET /\r\nHost: a\r\n\r\n", 400),
    "version-2": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "not-http-at-all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "two-lengths": (POST + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "signed-length": (POST + HOST + b"Content-Length: +2\r\n\r\n{}", 400),
    "hex-length": (POST + HOST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "list-length": (POST + HOST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "huge-length": (POST + HOST + b"Content-Length: 99999999999999999999\r\n\r\n", (400, 413)),
    "chunked-and-length": (
        POST + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        400,
    ),
    "gzip-coding": (POST + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "chunked-twice": (
        POST + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        (400, 501),
    ),
    "odd-chunked": (POST + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "long-line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "many-fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 70 + b"\r\n", 431),
    "large-fields": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
}


def answers_in(data):
    """How many answers came over one connection."""
    return len(re.findall(rb"HTTP/1\.1 \d{3} [A-Za-z ]+\r\n", data))


@pytest.fixture(scope="module")
def neighbour(shared_system):
    """A client on a connection of its own that must feel nothing of all this."""
    return shared_system.make_whole().client()


@pytest.mark.parametrize("name", REFUSED)
def test_given_a_malformed_request_then_it_is_refused_and_the_connection_closed(
    shared_system, neighbour, name
):
    request, statuses = REFUSED[name]
    statuses = statuses if isinstance(statuses, tuple) else (statuses,)

    answer = raw(shared_system.edge_port, request)  # returns once the server has closed

    reply = read_reply(answer)
    assert reply.status in statuses, answer[:300]
    assert reply.header("content-type") == "application/problem+json"
    assert reply.header("connection") == "close"
    assert answers_in(answer) == 1, "nothing after the refusal is read as a request"
    assert neighbour.create_invoice().status == 202


def test_given_a_smuggled_second_request_then_it_is_never_read(shared_system):
    inner = b"GET /problems/gone HTTP/1.1\r\nHost: a\r\n\r\n"
    request = (
        POST
        + HOST
        + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % (len(inner) + 5)
        + b"0\r\n\r\n"
        + inner
    )
    answer = raw(shared_system.edge_port, request)
    assert answers_in(answer) == 1
    assert read_reply(answer).status == 400


def test_given_http_1_0_then_it_is_answered_and_closed(shared_system):
    answer = raw(shared_system.edge_port, b"GET /problems/gone HTTP/1.0\r\n\r\n")
    assert read_reply(answer).status == 200


def test_given_two_requests_in_one_piece_then_both_are_answered_in_order(shared_system):
    request = (
        b"GET /problems/gone HTTP/1.1\r\nHost: a\r\n\r\n"
        b"GET /problems/malformed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    answer = raw(shared_system.edge_port, request)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"gone") < answer.rindex(b"malformed")


def test_given_expect_100_continue_then_the_body_is_asked_for(shared_system, neighbour):
    body = json.dumps(
        {
            "customer": "Ada",
            "currency": "EUR",
            "lines": [{"description": "Flour", "quantity": 1, "unit_amount_minor": 1}],
        }
    ).encode()
    head = (
        f"POST {neighbour.base()}/invoices HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
        f"Authorization: Bearer {neighbour.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", shared_system.edge_port), 10) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(4000).startswith(b"HTTP/1.1 202")


def test_given_chunks_of_one_byte_then_the_body_is_read_whole(shared_system, neighbour):
    body = json.dumps(
        {
            "customer": "Ada",
            "currency": "EUR",
            "lines": [{"description": "Flour", "quantity": 1, "unit_amount_minor": 1}],
        }
    ).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = (
        f"POST {neighbour.base()}/invoices HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer {neighbour.key}\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    ).encode()
    assert read_reply(raw(shared_system.edge_port, head + chunks)).status == 202


def test_given_head_then_the_same_fields_and_no_body(shared_system):
    get = raw(
        shared_system.edge_port,
        b"GET /problems/gone HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    head = raw(
        shared_system.edge_port,
        b"HEAD /problems/gone HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    assert head.endswith(b"\r\n\r\n")
    assert read_reply(head).header("content-length") == read_reply(get).header("content-length")


def test_given_an_absolute_target_then_it_is_served(shared_system):
    answer = raw(
        shared_system.edge_port,
        b"GET http://edge/problems/gone HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n",
    )
    assert read_reply(answer).status == 200


def test_given_a_half_sent_request_and_an_end_then_the_edge_goes_on(shared_system, neighbour):
    with socket.create_connection(("127.0.0.1", shared_system.edge_port), 10) as connection:
        connection.sendall(POST + HOST + b"Content-Length: 100\r\n\r\n{")
    assert neighbour.create_invoice().status == 202
