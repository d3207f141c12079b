"""HTTP as a client of the edge speaks it: politely by http.client, rudely over a bare socket."""

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Reply:
    status: int
    headers: dict  # names in lower case
    body: bytes
    seconds: float = 0.0
    _json: object = field(default=None, repr=False)

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name.lower())

    @property
    def problem(self):
        """The problem's short name: the last part of its type."""
        assert self.header("content-type") == "application/problem+json", self
        return self.json()["type"].rsplit("/", 1)[1]


class NoAnswer(OSError):
    """The connection ended before a whole answer: whether the request took effect is not known."""


class Http:
    """Requests to one port; a connection a thread, kept alive and made anew when it breaks."""

    def __init__(self, port, host="127.0.0.1", deadline_s=40):
        self.host = host
        self.port = port
        self.deadline_s = deadline_s
        self._local = threading.local()

    def request(self, method, path, body=None, headers=None):
        """One exchange. body: bytes, or what becomes JSON. Raises NoAnswer, never sends twice."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self._connection()
        began = time.monotonic()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        if answer.will_close:
            self.close()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, data, time.monotonic() - began)

    def _connection(self):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.deadline_s)
            self._local.connection = connection
        return connection

    def close(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def raw(port, data, deadline_s=20):
    """Sends bytes as they are and returns all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=deadline_s) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass  # closed on us already: what it said is still to be read
        answer = b""
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return answer
            if not piece:
                return answer
            answer += piece


def read_reply(text):
    """The first answer in bytes that came over a bare socket."""
    head, _, rest = text.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", len(rest)))
    return Reply(status, headers, rest[:length])
