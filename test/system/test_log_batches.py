"""POST .../logs as its users call it: shapes, bad lines, gzip, repeats, redaction, and reading."""

import gzip
import json
import subprocess
import uuid

from harness.logs import TEXTS, export, search, wait_bodies
from harness.wait import wait_for

NDJSON = {"Content-Type": "application/x-ndjson"}


def ndjson(lines):
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def post(client, body, headers=None):
    return client.post(f"{client.base()}/logs", body, {**NDJSON, **(headers or {})})


def test_given_lines_in_each_shape_then_all_are_read_back(ingest):
    client = ingest.client()
    lines = [{"body": text, "severity_number": 9} for text in TEXTS]
    reply = post(client, ndjson(lines[:2]))
    assert reply.status == 200, reply
    assert (reply.json()["accepted"], reply.json()["rejected"]) == (2, 0)
    assert reply.json()["first_at"].startswith("logging-")
    array = client.post(f"{client.base()}/logs", lines[2:4])
    assert array.json()["accepted"] == 2
    one = client.post(f"{client.base()}/logs", lines[4])
    assert one.json()["accepted"] == 1
    packed = post(client, gzip.compress(ndjson([{"body": "packed"}])), {"Content-Encoding": "gzip"})
    assert packed.json()["accepted"] == 1
    wait_bodies(client, [*TEXTS, "packed"])


def test_given_bad_lines_among_good_ones_then_only_they_are_refused_and_named(ingest):
    client = ingest.client()
    body = b"\n".join(
        [
            b'{"body": "one"}',
            b'{"body": "two", "severity_number": 99}',
            b'{"body": ',
            b'{"body": "four"}',
            b'{"nonsense": true}',
            b'{"body": "six"}',
        ]
    )
    answer = post(client, body).json()
    assert (answer["accepted"], answer["rejected"]) == (3, 3)
    assert [error["line"] for error in answer["errors"]] == [2, 3, 5]
    assert answer["errors"][0]["pointer"] == "#/severity_number"
    assert all(error["detail"] for error in answer["errors"])
    wait_bodies(client, ["one", "four", "six"])


def test_given_a_batch_sent_again_with_its_key_then_no_line_is_stored_twice(ingest):
    client = ingest.client()
    key = {"Idempotency-Key": f"batch-{uuid.uuid4()}"}
    lines = [{"body": f"line {n}"} for n in range(500)]
    for _ in range(3):
        assert post(client, ndjson(lines), key).json()["accepted"] == 500
    wait_bodies(client, [line["body"] for line in lines])
    ingest.wait_applied("logging")
    wait_bodies(client, [line["body"] for line in lines])
    # A receipt of a fact is applied once the lane has passed it.
    answer = post(client, ndjson(lines[:1]), key).json()
    at = answer["first_at"]
    line_id = uuid.uuid5(
        uuid.UUID("1a87e19b-12b9-5492-8ce7-16a7330031bb"),
        f"{client.account}\nlogging\n{key['Idempotency-Key']}\n1",
    )
    receipt = client.receipt(f"{client.base()}/commands/{line_id}?at={at}")
    assert receipt["status"] == "applied"
    ingest.verify()


def test_given_secrets_in_a_line_then_they_never_reach_the_log(ingest):
    client = ingest.client()
    secret = "hunter2-4f1c"
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
    post(
        client,
        ndjson(
            [
                {
                    "body": f"paid with 4111 1111 1111 1111 by https://ada:{secret}@pay.example/x",
                    "attributes": {"password": secret, "nested": {"api_key": secret}, "n": 7},
                },
                {"body": f"Authorization: Bearer {token}"},
                {"body": "order 4111 1111 1111 1112 is no card"},
            ]
        ),
    )
    wait_for(lambda: len(export(client)) == 3, "the lines")
    records = ingest.log.read_all("logging.commands")
    for word in (secret, token, "4111 1111 1111 1111"):
        assert not any(word.encode() in (record.value or b"") for record in records), word
    stored = json.dumps(export(client))
    assert "1112 is no card" in stored
    assert '"n": 7' in stored
    for (row,) in ingest.sql("select l::text from logging.log l where account_id = %s", client.account):
        assert secret not in row


def test_given_filters_then_just_the_matching_lines_are_found(ingest):
    client = ingest.client()
    trace = uuid.uuid4().hex
    post(
        client,
        ndjson(
            [
                {
                    "time": f"2026-03-01T10:00:0{n}Z",
                    "body": f"payment {word} for order {n}",
                    "severity_number": severity,
                    "service": service,
                    "host": f"h{n % 2}",
                    "attributes": {"route": f"/r/{n}", "code": str(n)},
                    **({"trace_id": trace} if n == 3 else {}),
                }
                for n, (word, severity, service) in enumerate(
                    [
                        ("accepted", 9, "till"),
                        ("declined", 13, "till"),
                        ("failed hard", 17, "shop"),
                        ("accepted", 9, "shop"),
                        ("hard to say", 5, "shop"),
                    ]
                )
            ]
        ),
    )
    window = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}

    def found(**filters):
        reply = search(client, **window, **filters)
        assert reply.status == 200, reply
        return [int(line["attributes"]["code"]) for line in reply.json()["items"]]

    wait_for(lambda: len(found()) == 5, "the lines")
    assert found() == [4, 3, 2, 1, 0]
    assert found(severity=13) == [2, 1]
    assert found(service="till") == [1, 0]
    assert found(host="h1") == [3, 1]
    assert found(trace_id=trace) == [3]
    assert found(q="accepted") == [3, 0]
    assert found(q='"failed hard"') == [2]
    assert found(q="hard -failed") == [4]
    assert found(**{"attributes.route": "/r/2"}) == [2]
    assert search(client, severity="loud").status == 400
    counts = client.get(
        f"{client.base()}/logs/histogram?from=2026-03-01T10:00:00Z&to=2026-03-01T10:01:00Z&step=1m"
    ).json()["items"]
    assert sum(item["total"] for item in counts) == 5


def test_given_pages_then_none_skips_or_repeats_what_was_there_at_first(ingest):
    client = ingest.client()
    lines = [{"time": f"2026-03-02T10:00:{n % 7:02}Z", "body": f"old {n}"} for n in range(130)]
    post(client, ndjson(lines))
    window = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    wait_for(lambda: len(export(client, **window)) == 130, "the lines")
    seen, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = search(client, limit=9, **window, **more)
        assert page.status == 200, page
        seen += [line["body"] for line in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if not cursor:
            break
        post(client, ndjson([{"time": f"2026-03-02T10:00:{len(seen) % 9:02}Z", "body": "new"}]))
        ingest.wait_applied("logging")
    old = [body for body in seen if body != "new"]
    assert sorted(old) == sorted(line["body"] for line in lines)


def test_given_curl_then_what_the_documentation_shows_works(ingest):
    client = ingest.client()
    url = f"http://127.0.0.1:{ingest.edge_port}{client.base()}/logs"
    done = subprocess.run(
        [
            "curl", "-sS", "-H", f"Authorization: Bearer {client.key}", "--json",
            '{"body": "by curl 🚀", "severity_number": 9}', url,
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )  # fmt: skip
    assert json.loads(done.stdout)["accepted"] == 1, done
    wait_bodies(client, ["by curl 🚀"])
