-- What `millracectl verify` asks of this domain: which facts are stored, and where they lie in the
-- log.
CREATE VIEW logging.facts (lane, position, account_id, id, day) AS
SELECT lane, position, account_id, id, day FROM logging.log;
COMMENT ON VIEW logging.facts IS 'Stored facts: what millracectl verify holds the log against';
