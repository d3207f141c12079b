"""A client with a key of its own: the edge's API as its users call it."""

import uuid

from .http import Http


class Client:
    """key: the secret of an API key. account: the one that the short forms below speak of."""

    def __init__(self, port, key, account=None):
        self.http = Http(port)
        self.key = key
        self.account = str(account) if account else None

    def request(self, method, path, body=None, headers=None):
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent.update(headers or {})
        return self.http.request(method, path, body, sent)

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    # --- billing ---

    def base(self, account=None):
        return f"/v1/accounts/{account or self.account}"

    def create_invoice(self, lines=None, headers=None, **members):
        body = {
            "customer": "Ada",
            "currency": "EUR",
            "lines": lines or [{"description": "Flour", "quantity": 2, "unit_amount_minor": 500}],
        }
        body.update(members)
        return self.post(f"{self.base()}/invoices", body, headers)

    def finalize(self, invoice, headers=None):
        return self.post(f"{self.base()}/invoices/{invoice}/finalize", {}, headers)

    def pay(self, invoice, amount_minor, headers=None):
        return self.post(
            f"{self.base()}/payments", {"invoice": invoice, "amount_minor": amount_minor}, headers
        )

    def invoice(self, invoice):
        return self.get(f"{self.base()}/invoices/{invoice}")

    def receipt(self, reply_or_location, wait_s=10):
        """The command's receipt, waited for."""
        location = reply_or_location
        if not isinstance(location, str):
            location = reply_or_location.header("location")
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        reply = self.get(location, headers)
        assert reply.status == 200, reply
        return reply.json()

    def items(self, path):
        """All items of a list, over its pages."""
        found, cursor = [], None
        while True:
            page = self.get(f"{path}?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            assert page.status == 200, page
            found += page.json()["items"]
            cursor = page.json()["next_cursor"]
            if not cursor:
                return found


def new_account():
    return str(uuid.uuid4())


WAIT = {"Prefer": "wait=10"}
