-- +goose Up

-- One row per delivery. Times are microseconds since 1970 in UTC, 0 for none. The sequence is its place in the file; the order of
-- deliveries is that of their IDs. lane_key is a hash of the lane; unique_key is that hash followed by one of what no two deliveries share.
CREATE TABLE inbox_delivery (
    sequence          INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    unique_key        BLOB    NOT NULL,
    lane_key          INTEGER NOT NULL,
    provider          TEXT    NOT NULL,
    scope             TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    lane              TEXT    NOT NULL,
    dedupe_key        TEXT    NOT NULL,
    fingerprint       BLOB    NOT NULL,
    occurred_at       INTEGER NOT NULL,
    received_at       INTEGER NOT NULL,
    state             TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    conflict_of       TEXT    NOT NULL,
    settled_at        INTEGER NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    unmatched_since   INTEGER NOT NULL DEFAULT 0,
    duplicates        INTEGER NOT NULL DEFAULT 0,
    last_duplicate_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Finds duplicates, and by its first bytes the deliveries of a lane.
CREATE UNIQUE INDEX delivery_unique ON inbox_delivery (unique_key);
-- What is pending in a lane, in order.
CREATE INDEX delivery_pending ON inbox_delivery (lane_key, id) WHERE state = 'pending';
-- What a person may want to see by its state: all but the usual.
CREATE INDEX delivery_open ON inbox_delivery (state, id) WHERE state NOT IN ('pending', 'delivered');
-- What a person may want to see by provider, agent and kind.
CREATE INDEX delivery_kind ON inbox_delivery (provider, scope, kind, id);

-- Bodies stand apart: a settlement does not write them again, and the end of their retention frees whole pages.
CREATE TABLE inbox_body (
    sequence INTEGER PRIMARY KEY,
    body     BLOB    NOT NULL
) STRICT;

-- The combinations that deliveries have or had.
CREATE TABLE inbox_kind (
    provider TEXT NOT NULL,
    scope    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (provider, scope, kind)
) STRICT, WITHOUT ROWID;

-- One row per lane with pending deliveries. A hash is its key, since a lane's text would fill a page for each of many lanes. It may be claimed from due_at on; a claim names its owner and moves due_at to the end of
-- the lease, so that a lease which has ended needs no cleaning up.
CREATE TABLE inbox_lane (
    lane_key INTEGER PRIMARY KEY,
    due_at   INTEGER NOT NULL,
    owner    TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX lane_due ON inbox_lane (due_at);

-- What people did to the inbox.
CREATE TABLE inbox_audit (
    id      TEXT    PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE inbox_audit;
DROP TABLE inbox_lane;
DROP TABLE inbox_kind;
DROP TABLE inbox_body;
DROP TABLE inbox_delivery;
