ALTER TABLE shop.item ADD COLUMN price_minor bigint NOT NULL DEFAULT 0 CHECK (price_minor >= 0);
INSERT INTO shop.item (id, name) VALUES (1, 'first');
