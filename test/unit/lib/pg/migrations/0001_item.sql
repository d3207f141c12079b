-- ein Kommentar mit Umlauten: äöü, and a "quoted" \backslash
CREATE SCHEMA shop;
CREATE TABLE shop.item (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'it''s');
