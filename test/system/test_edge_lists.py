"""Lists of large items: a page ends early, a stream holds little at a time, and nothing is left out."""

import json
from concurrent.futures import ThreadPoolExecutor

from harness.client import WAIT

LARGE = [
    {"description": "x" * 200, "quantity": 1, "unit_amount_minor": n} for n in range(450)
]  # about 130 KB as it is read


def test_given_large_items_then_pages_and_the_stream_have_each_of_them_once(system):
    client = system.client()
    with ThreadPoolExecutor(4) as pool:
        replies = list(
            pool.map(lambda _: client.create_invoice(lines=LARGE, headers=WAIT), range(25))
        )
    ids = {reply.json()["id"] for reply in replies}
    assert len(ids) == 25

    path = f"{client.base()}/invoices"
    first = client.get(path)
    assert 1 < len(first.json()["items"]) < 25, "a page ends when it reaches 1 MiB"
    assert 2**20 <= len(first.body) < 2**20 + 300_000
    items = client.items(path)
    assert [len(items), {item["id"] for item in items}] == [25, ids]
    assert items == sorted(items, key=lambda item: (item["created_at"], item["id"]), reverse=True)

    stream = client.get(path, {"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in stream.body.splitlines()] == items
    assert stream.header("vary") == first.header("vary") == "Accept"
