"""The Chinook figures as accounts and invoices."""
import csv
import uuid
from dataclasses import dataclass

from . import paths

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

    @property
    def account(self):
        return account_of(self.customer)


def account_of(customer):
    """The account of customer n: the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:chinook:customer:{customer}"))


def invoices(salt=""):
    """The invoices by number. salt, if any, gives every customer another account."""
    found = {}
    with open(paths.CHINOOK, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            number = int(row["invoice"])
            invoice = found.setdefault(number, Invoice(number, int(row["customer"]), [], 0))
            quantity, price = int(row["quantity"]), int(row["unit_price_minor"])
            invoice.lines.append({"description": f"Track {row['track']}", "quantity": quantity,
                                  "unit_amount_minor": price})
            invoice.total_minor += quantity * price
    return [found[number] for number in sorted(found)]


def submit(ledger, invoice, account, deadline_s=60):
    """Creates, finalizes and pays one invoice; an account's commands keep their order in the log."""
    base = f"/v1/accounts/{account}"
    created = ledger.submit(account, f"{base}/invoices", {
        "customer": f"Customer {invoice.customer}", "currency": CURRENCY, "lines": invoice.lines,
    }, f"invoice-{invoice.number}", deadline_s)
    ledger.submit(account, f"{base}/invoices/{created.id}/finalize", {},
                  f"finalize-{invoice.number}", deadline_s)
    ledger.submit(account, f"{base}/payments", {
        "invoice": created.id, "amount_minor": invoice.total_minor,
        "reference": f"Chinook {invoice.number}",
    }, f"payment-{invoice.number}", deadline_s)
