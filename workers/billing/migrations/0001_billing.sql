-- Invoices, the payments of them, each account's series of numbers, and the journal.
-- Amounts are minor units, at most 2^53 - 1. What always holds is a constraint here: the worker
-- decides, and the database does not believe it.

CREATE SCHEMA billing;

CREATE TABLE billing.invoice (
    account_id   uuid        NOT NULL,
    id           uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    status       text        NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void')),
    number       bigint      CHECK (number > 0),
    customer     text        NOT NULL,
    currency     text        NOT NULL CHECK (length(currency) = 3),
    lines        json        NOT NULL,
    total_minor  bigint      NOT NULL CHECK (total_minor BETWEEN 0 AND 9007199254740991),
    paid_minor   bigint      NOT NULL CHECK (paid_minor BETWEEN 0 AND total_minor),
    due_days     integer     NOT NULL CHECK (due_days BETWEEN 0 AND 365),
    due_date     date,
    created_at   timestamptz NOT NULL,
    finalized_at timestamptz,
    PRIMARY KEY (account_id, id),
    CONSTRAINT invoice_number_once UNIQUE (account_id, number),
    CONSTRAINT invoice_number_unless_draft CHECK ((number IS NULL) = (status = 'draft')),
    CONSTRAINT invoice_due_once_numbered CHECK ((due_date IS NULL) = (number IS NULL)),
    CONSTRAINT invoice_finalized_once_numbered CHECK ((finalized_at IS NULL) = (number IS NULL)),
    CONSTRAINT invoice_paid_in_full CHECK (status <> 'paid' OR paid_minor = total_minor),
    CONSTRAINT invoice_open_has_due CHECK (status <> 'open' OR paid_minor < total_minor),
    CONSTRAINT invoice_draft_unpaid CHECK (status <> 'draft' OR paid_minor = 0)
) WITH (fillfactor = 80); -- a finalize and a payment or two change each row
CREATE INDEX invoice_newest ON billing.invoice (account_id, created_at, id);
COMMENT ON COLUMN billing.invoice.number IS 'in the account''s series, without gaps, from 1';
COMMENT ON COLUMN billing.invoice.lines IS
    'array of {description, quantity, unit_amount_minor, amount_minor}; never changes';
COMMENT ON COLUMN billing.invoice.due_date IS 'UTC date of finalized_at, and due_days more';

CREATE TABLE billing.payment (
    account_id   uuid        NOT NULL,
    id           uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    invoice      uuid        NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor BETWEEN 1 AND 9007199254740991),
    currency     text        NOT NULL CHECK (length(currency) = 3),
    reference    text,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, invoice) REFERENCES billing.invoice
);
CREATE INDEX payment_newest ON billing.payment (account_id, created_at, id);
CREATE INDEX payment_invoice ON billing.payment (account_id, invoice);

CREATE TABLE billing.series (
    account_id  uuid   PRIMARY KEY,
    version     bigint NOT NULL CHECK (version > 0),
    next_number bigint NOT NULL CHECK (next_number > 0)
) WITH (fillfactor = 50);

CREATE TABLE billing.journal (
    account_id     uuid        NOT NULL,
    command_id     uuid        NOT NULL,
    index          integer     NOT NULL CHECK (index >= 0),
    ledger_account text        NOT NULL
        CHECK (ledger_account IN ('receivable', 'revenue', 'cash')),
    amount_minor   bigint      NOT NULL CHECK (amount_minor <> 0),
    currency       text        NOT NULL CHECK (length(currency) = 3),
    at             timestamptz NOT NULL,
    PRIMARY KEY (account_id, command_id, index)
);
COMMENT ON TABLE billing.journal IS
    'Append-only; the entries of a command sum to zero in each currency.';
COMMENT ON COLUMN billing.journal.amount_minor IS 'a debit is positive';
COMMENT ON COLUMN billing.journal.at IS 'the command''s append time, its time of decision';

-- All entries of a command are inserted by one statement, so one look at what it added is enough.
CREATE FUNCTION billing.journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT account_id, command_id, currency, sum(amount_minor) AS sum_minor INTO bad FROM added
    GROUP BY account_id, command_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the journal entries of command % sum to % %, not to zero',
            bad.command_id, bad.sum_minor, bad.currency
            USING ERRCODE = 'check_violation', SCHEMA = 'billing', TABLE = 'journal',
                  CONSTRAINT = 'journal_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_balances AFTER INSERT ON billing.journal
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT
    EXECUTE FUNCTION billing.journal_balances();

CREATE FUNCTION billing.journal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'billing.journal is append-only: correct an entry by another command'
        USING ERRCODE = 'integrity_constraint_violation', SCHEMA = 'billing', TABLE = 'journal',
              CONSTRAINT = 'journal_append_only';
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON billing.journal
    FOR EACH STATEMENT EXECUTE FUNCTION billing.journal_append_only();

-- RFC 3339 in UTC with milliseconds, as clients get every time.
CREATE FUNCTION billing.time_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE RETURNS NULL ON NULL INPUT AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE VIEW billing.invoice_resource AS
SELECT account_id, id, version,
       json_build_object(
           'id', id, 'account_id', account_id, 'version', version, 'status', status,
           'number', number, 'customer', customer, 'currency', currency, 'lines', lines,
           'total_minor', total_minor, 'paid_minor', paid_minor, 'due_date', due_date,
           'created_at', billing.time_text(created_at),
           'finalized_at', billing.time_text(finalized_at)) AS body,
       created_at, status, customer
FROM billing.invoice;

CREATE VIEW billing.payment_resource AS
SELECT account_id, id, version,
       json_build_object(
           'id', id, 'account_id', account_id, 'version', version, 'invoice', invoice,
           'amount_minor', amount_minor, 'currency', currency, 'reference', reference,
           'created_at', billing.time_text(created_at)) AS body,
       created_at, invoice
FROM billing.payment;
