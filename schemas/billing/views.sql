-- The current state of invoices and payments, from their histories. Run after the tables at each
-- start of the loader. Plain SQL that Postgres and Redshift both take.
--
-- An account's billing lies in one lane, so its events are in order by sequence.

CREATE OR REPLACE VIEW public.invoices AS
SELECT account_id,
       invoice_id,
       MAX(CASE WHEN newest = 1 THEN status END) AS status,
       MAX(number) AS number,
       MAX(customer) AS customer,
       MAX(currency) AS currency,
       MAX(total_minor) AS total_minor,
       COALESCE(MAX(paid_minor), 0) AS paid_minor,
       MAX(due_days) AS due_days,
       MAX(due_date) AS due_date,
       MIN(event_time) AS created_at,
       MAX(finalized_at) AS finalized_at,
       MAX(event_time) AS changed_at
FROM (SELECT account_id, invoice_id, status, number, customer, currency, total_minor, paid_minor,
             due_days, due_date, finalized_at, event_time,
             ROW_NUMBER() OVER (PARTITION BY account_id, invoice_id
                                ORDER BY sequence DESC) AS newest
      FROM public.invoice_events) AS history
GROUP BY account_id, invoice_id;

-- A payment is recorded once and then never changes.
CREATE OR REPLACE VIEW public.payments AS
SELECT account_id,
       payment_id,
       invoice_id,
       amount_minor,
       currency,
       reference,
       event_time AS created_at
FROM public.payment_events;
