-- What `millracectl verify` asks of this domain: one row a check, ok or with what is wrong. A check
-- looks at the whole of the domain's tables, in one snapshot.

CREATE VIEW billing.verify (what, ok, detail) AS
WITH sums AS (
    SELECT currency, sum(amount_minor) AS sum_minor, count(*) AS entries FROM billing.journal
    GROUP BY currency
), ledger AS (
    SELECT account_id, currency, ledger_account, sum(amount_minor) AS sum_minor
    FROM billing.journal GROUP BY account_id, currency, ledger_account
), invoices AS ( -- what the journal's accounts must come to, by the invoices
    SELECT account_id, currency, sum(paid_minor) AS cash,
           sum(total_minor - paid_minor) AS receivable
    FROM billing.invoice WHERE status <> 'draft' AND status <> 'void' GROUP BY account_id, currency
), unpaid AS ( -- invoices whose paid amount is not the sum of their payments
    SELECT i.account_id, i.id, i.paid_minor, coalesce(sum(p.amount_minor), 0) AS payments_minor
    FROM billing.invoice i
    LEFT JOIN billing.payment p ON p.account_id = i.account_id AND p.invoice = i.id
    GROUP BY i.account_id, i.id, i.paid_minor HAVING i.paid_minor <> coalesce(sum(p.amount_minor), 0)
), numbers AS (
    SELECT account_id, count(number) AS numbers, max(number) AS highest
    FROM billing.invoice GROUP BY account_id HAVING count(number) <> coalesce(max(number), 0)
), pairs AS (
    SELECT coalesce(i.account_id, l.account_id) AS account_id,
           coalesce(i.currency, l.currency) AS currency, coalesce(i.cash, 0) AS cash,
           coalesce(i.receivable, 0) AS receivable,
           coalesce(l.cash, 0) AS ledger_cash, coalesce(l.receivable, 0) AS ledger_receivable
    FROM invoices i FULL JOIN (
        SELECT account_id, currency,
               sum(sum_minor) FILTER (WHERE ledger_account = 'cash') AS cash,
               sum(sum_minor) FILTER (WHERE ledger_account = 'receivable') AS receivable
        FROM ledger GROUP BY account_id, currency) l USING (account_id, currency)
)
SELECT 'journal sums to zero in ' || currency, sum_minor = 0,
       entries || ' entries sum to ' || sum_minor
FROM sums
UNION ALL
SELECT 'every invoice is paid by its payments', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: invoice ' || min(id::text) || ' of account '
           || (array_agg(account_id ORDER BY id))[1], '')
FROM unpaid
UNION ALL
SELECT 'every account''s cash and receivable are its invoices''', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: account ' || min(account_id::text), '')
FROM pairs WHERE cash <> ledger_cash OR receivable <> ledger_receivable
UNION ALL
SELECT 'invoice numbers have no gaps', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: account ' || min(account_id::text), '')
FROM numbers;
COMMENT ON VIEW billing.verify IS 'Checks of millracectl verify: what, ok, detail';
