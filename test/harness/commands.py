"""Commands as they lie in the log, made by hand: what an edge writes, and what it never would."""

import json
import uuid
from datetime import datetime, timezone


def headers(account, command_type, command_id=None, domain="billing", subject=None, **changes):
    """The CloudEvents headers of a command. changes: name to text; None leaves a header out."""
    fields = {
        "ce_specversion": "1.0",
        "ce_id": str(command_id or uuid.uuid4()),
        "ce_source": f"/millrace/{domain}/accounts/{account}",
        "ce_type": command_type,
        "ce_subject": subject,
        "ce_time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "ce_account": str(account),
        "ce_principal": str(uuid.uuid4()),
        "content-type": "application/json",
        **changes,
    }
    return [(name, value.encode()) for name, value in fields.items() if value is not None]


def body(members):
    return json.dumps(members).encode()


INVOICE = {
    "customer": "Ada",
    "currency": "EUR",
    "lines": [{"description": "Flour", "quantity": 2, "unit_amount_minor": 500}],
}
