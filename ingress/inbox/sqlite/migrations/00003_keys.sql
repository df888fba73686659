-- +goose Up

-- Leads from a key to its delivery, and by its first column to the deliveries of a lane. Keys are hashes, so that each new one belongs on
-- another page: the newest are kept in memory and come here in this order, several to a page.
DROP INDEX delivery_key;
CREATE TABLE delivery_key (
    lane_hash INTEGER NOT NULL,
    key_hash  BLOB    NOT NULL,
    sequence  INTEGER NOT NULL,
    PRIMARY KEY (lane_hash, key_hash)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_key SELECT lane_hash, key_hash, sequence FROM delivery ORDER BY lane_hash, key_hash;

-- They come in laps. Here are the keys of all deliveries up to done; of those after it up to until, the keys up to the one that is named.
-- All others are read from the deliveries at start.
CREATE TABLE key_lap (
    done      INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    lane_hash INTEGER NOT NULL,
    key_hash  BLOB    NOT NULL
) STRICT;
INSERT INTO key_lap SELECT coalesce(max(sequence), 0), coalesce(max(sequence), 0), -9223372036854775808, x'' FROM delivery;

-- +goose Down
DROP TABLE key_lap;
DROP TABLE delivery_key;
CREATE UNIQUE INDEX delivery_key ON delivery (lane_hash, key_hash);
