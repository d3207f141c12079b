"""The Chinook figures as accounts and invoices."""

import csv
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import paths
from .wait import wait_for

INVOICES = 412
CUSTOMERS = 59
TOTAL_MINOR = 232_860
CURRENCY = "USD"


@dataclass
class Invoice:
    number: int
    customer: int
    lines: list  # bodies of invoice lines
    total_minor: int


def account_of(customer, salt=""):
    """The account of customer n: the same in every run. Another salt, other accounts."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:chinook:{salt}customer:{customer}"))


def invoices():
    """The invoices by number."""
    found = {}
    with open(paths.CHINOOK, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            number = int(row["invoice"])
            invoice = found.setdefault(number, Invoice(number, int(row["customer"]), [], 0))
            quantity, price = int(row["quantity"]), int(row["unit_price_minor"])
            invoice.lines.append(
                {
                    "description": f"Track {row['track']}",
                    "quantity": quantity,
                    "unit_amount_minor": price,
                }
            )
            invoice.total_minor += quantity * price
    return [found[number] for number in sorted(found)]


def accounts(salt=""):
    return [account_of(customer, salt) for customer in range(1, CUSTOMERS + 1)]


def submit(ledger, invoice, account, deadline_s=60):
    """Creates, finalizes and pays one invoice; its account's commands keep their order."""
    base = f"/v1/accounts/{account}"
    created = ledger.submit(
        account,
        f"{base}/invoices",
        {
            "customer": f"Customer {invoice.customer}",
            "currency": CURRENCY,
            "lines": invoice.lines,
        },
        f"invoice-{invoice.number}",
        deadline_s,
    )
    ledger.submit(
        account,
        f"{base}/invoices/{created.id}/finalize",
        {},
        f"finalize-{invoice.number}",
        deadline_s,
    )
    ledger.submit(
        account,
        f"{base}/payments",
        {
            "invoice": created.id,
            "amount_minor": invoice.total_minor,
            "reference": f"Chinook {invoice.number}",
        },
        f"payment-{invoice.number}",
        deadline_s,
    )


def submit_all(ledger, salt="", clients=8):
    """Everything, by several clients at once; each customer's invoices by one of them, in order."""
    by_customer = {}
    for invoice in invoices():
        by_customer.setdefault(invoice.customer, []).append(invoice)

    def of_one(customer):
        for invoice in by_customer[customer]:
            submit(ledger, invoice, account_of(customer, salt))

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(of_one, by_customer))


def check_books(system, salt=""):
    """Every invoice once, paid, and the same sums in Postgres, in the warehouse and over HTTP."""
    ours = accounts(salt)
    client = system.operator()
    seen = {account: client.items(f"/v1/accounts/{account}/invoices") for account in ours}
    everything = [invoice for found in seen.values() for invoice in found]
    assert len(everything) == INVOICES
    assert {invoice["status"] for invoice in everything} == {"paid"}
    assert sum(invoice["paid_minor"] for invoice in everything) == TOTAL_MINOR
    for found in seen.values():  # numbered from 1 without a gap
        assert sorted(invoice["number"] for invoice in found) == list(range(1, len(found) + 1))

    expected = {"cash": TOTAL_MINOR, "revenue": -TOTAL_MINOR, "receivable": 0}
    books = (
        "select ledger_account, sum(amount_minor)::bigint from {} "
        "where account_id = any(%s::uuid[]) group by 1"
    )
    assert system.sql(
        "select count(*), sum(paid_minor)::bigint from billing.invoice"
        " where account_id = any(%s::uuid[]) and status = 'paid'",
        ours,
    ) == [(INVOICES, TOTAL_MINOR)]
    assert dict(system.sql(books.format("billing.journal"), ours)) == expected

    wait_for(
        lambda: (
            system.warehouse(
                "select count(*) from payment_events where account_id = any(%s)", ours
            )[0][0]
            >= INVOICES
        ),
        "the payments to reach the warehouse",
        30,
    )
    assert system.warehouse(
        "select count(*), sum(paid_minor)::bigint from invoices"
        " where account_id = any(%s) and status = 'paid'",
        ours,
    ) == [(INVOICES, TOTAL_MINOR)]
    warehouse_books = books.format("journal_entries").replace("::uuid[]", "")
    assert dict(system.warehouse(warehouse_books, ours)) == expected
    assert system.warehouse(
        "select count(*) from payment_events where account_id = any(%s)", ours
    ) == [(INVOICES,)]
