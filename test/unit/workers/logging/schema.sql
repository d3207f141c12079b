-- What millracectl migrate makes before the first migration.
CREATE SCHEMA millrace;
