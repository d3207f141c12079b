"""A record shop's five years: 59 customers, 412 invoices, created, finalized and paid."""

import pytest
from harness import chinook
from harness.ledger import Ledger


@pytest.mark.smoke
def test_given_all_of_chinook_then_postgres_and_warehouse_agree_to_the_unit(system):
    ledger = Ledger(system.operator())
    chinook.submit_all(ledger)

    assert ledger.settle() == {"applied": 3 * chinook.INVOICES}
    chinook.check_books(system)
    system.verify()
