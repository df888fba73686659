-- +goose Up

-- One row per delivery. Times are microseconds since 1970 in UTC, 0 for none. The sequence is its place in the file; the order of
-- deliveries is that of their IDs. lane_key and unique_key are hashes: of the lane, and of what no two deliveries of it share. in_lane
-- is 0 until a claim puts a pending delivery into its lane.
CREATE TABLE inbox_delivery (
    sequence          INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    lane_key          INTEGER NOT NULL,
    unique_key        BLOB    NOT NULL,
    in_lane           INTEGER NOT NULL DEFAULT 0,
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
    trace_parent      TEXT    NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    unmatched_since   INTEGER NOT NULL DEFAULT 0,
    duplicates        INTEGER NOT NULL DEFAULT 0,
    last_duplicate_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Finds duplicates, and the deliveries of a lane.
CREATE UNIQUE INDEX delivery_unique ON inbox_delivery (lane_key, unique_key);
-- What has arrived and is in no lane yet, and what is pending in a lane: both in order.
CREATE INDEX delivery_arrived ON inbox_delivery (id) WHERE state = 'pending' AND in_lane = 0;
CREATE INDEX delivery_in_lane ON inbox_delivery (lane_key, id) WHERE state = 'pending' AND in_lane = 1;
-- What a person may want to see by its state: all but the usual.
CREATE INDEX delivery_open ON inbox_delivery (state, id) WHERE state NOT IN ('pending', 'delivered');
-- What a person had stored anew: the reason ends with the ID of the new delivery.
CREATE INDEX delivery_anew ON inbox_delivery (id) WHERE state = 'ignored' AND reason LIKE 're% as %';
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

-- One row per lane that pending deliveries were put into. It may be claimed from due_at on; a claim names its owner, writes its number, which
-- is 0 without a claim, and moves due_at to the end of the lease, so that a lease which has ended needs no cleaning up.
CREATE TABLE inbox_lane (
    lane_key INTEGER PRIMARY KEY,
    due_at   INTEGER NOT NULL,
    owner    TEXT    NOT NULL DEFAULT '',
    claim    INTEGER NOT NULL DEFAULT 0
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
-- Finds an erasure.
CREATE INDEX audit_subject ON inbox_audit (action, subject);

-- +goose Down
DROP TABLE inbox_audit;
DROP TABLE inbox_lane;
DROP TABLE inbox_kind;
DROP TABLE inbox_body;
DROP TABLE inbox_delivery;
