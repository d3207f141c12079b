#!/usr/bin/env python3
"""Makes chinook_invoices.csv out of the Chinook sample database's tables (a folder of CSV files).

    python3 test/data/make_chinook.py FOLDER > test/data/chinook_invoices.csv

FOLDER holds invoice.csv and invoice_line.csv. Only bare figures are taken: numbers, dates,
quantities and prices in minor units (hundredths); no names, no addresses.
"""

import csv
import sys
from decimal import Decimal
from pathlib import Path

HEAD = """\
# Figures of the invoices of the Chinook sample database, github.com/lerocha/chinook-database,
# MIT licence, Copyright (c) 2008-2017 Luis Rocha. Made by make_chinook.py; no names, no addresses.
invoice,customer,date,line,track,quantity,unit_price_minor
"""


def rows(folder: Path, table: str):
    with open(folder / f"{table}.csv", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def minor_units(text: str) -> int:
    minor = Decimal(text) * 100
    if minor != int(minor):
        raise SystemExit(f"{text} is no whole number of minor units")
    return int(minor)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    invoices = {row["InvoiceId"]: row for row in rows(folder, "invoice")}
    totals = {number: 0 for number in invoices}
    sys.stdout.write(HEAD)
    for line in rows(folder, "invoice_line"):
        invoice = invoices[line["InvoiceId"]]
        price = minor_units(line["UnitPrice"])
        totals[line["InvoiceId"]] += price * int(line["Quantity"])
        print(
            line["InvoiceId"],
            invoice["CustomerId"],
            invoice["InvoiceDate"][:10],
            line["InvoiceLineId"],
            line["TrackId"],
            line["Quantity"],
            price,
            sep=",",
        )
    for number, total in totals.items():
        if total != minor_units(invoices[number]["Total"]):
            raise SystemExit(
                f"invoice {number}: its lines sum to {total}, not {invoices[number]['Total']}"
            )


if __name__ == "__main__":
    main()
