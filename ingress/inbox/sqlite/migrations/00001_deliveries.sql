-- +goose Up

-- One row per delivery. The sequence is the order of appending; it is made from the clock and
-- never less than received_at. Times are microseconds since 1970 in UTC, 0 for none.
-- lane_hash and key_hash are made by the store: fixed size, so that the index stays small.
CREATE TABLE delivery (
    sequence          INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    lane_hash         INTEGER NOT NULL,
    key_hash          BLOB    NOT NULL,
    provider          TEXT    NOT NULL,
    scope             TEXT    NOT NULL,
    lane              TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    dedupe_key        TEXT    NOT NULL,
    fingerprint       BLOB    NOT NULL,
    occurred_at       INTEGER NOT NULL,
    received_at       INTEGER NOT NULL,
    state             TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    conflict_of       TEXT    NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    due_at            INTEGER NOT NULL,
    duplicates        INTEGER NOT NULL DEFAULT 0,
    last_duplicate_at INTEGER NOT NULL DEFAULT 0,
    settled_at        INTEGER NOT NULL
) STRICT;

-- Finds duplicates, and by its first column the deliveries of a lane. The only index that an
-- append touches in a random place.
CREATE UNIQUE INDEX delivery_key ON delivery (lane_hash, key_hash);
-- Each state's deliveries in the order of appending (the sequence is the hidden last column):
-- what is pending, what a list shows, where retention ends.
CREATE INDEX delivery_state ON delivery (state);

-- Bodies stand apart: a settlement does not rewrite them, a list does not read past them, and
-- the end of their retention is the beginning of this table.
CREATE TABLE body (
    sequence INTEGER PRIMARY KEY,
    body     BLOB    NOT NULL
) STRICT;

-- Kept in the same transactions as the rows, so that counting does not read them.
CREATE TABLE state_count (
    state      TEXT    PRIMARY KEY,
    deliveries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO state_count (state, deliveries) VALUES
    ('pending', 0), ('delivered', 0), ('unmatched', 0), ('late', 0), ('ignored', 0), ('dead', 0), ('quarantined', 0);

-- +goose Down
DROP TABLE state_count;
DROP TABLE body;
DROP TABLE delivery;
