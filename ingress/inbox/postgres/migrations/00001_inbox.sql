-- +goose Up

-- One row per delivery. Times are microseconds since 1970 in UTC, 0 for none. Texts are escaped where PostgreSQL can't hold them (NUL,
-- what is not UTF-8). The order of deliveries is that of their IDs. lane_key and unique_key are hashes: of the lane, and of what no two
-- deliveries of it share. in_lane is 0 until a claim puts a pending delivery into its lane.
CREATE TABLE inbox_delivery (
    sequence          bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                text COLLATE "C" NOT NULL UNIQUE,
    lane_key          bigint           NOT NULL,
    unique_key        bytea            NOT NULL,
    in_lane           smallint         NOT NULL DEFAULT 0,
    provider          text COLLATE "C" NOT NULL,
    scope             text COLLATE "C" NOT NULL,
    kind              text COLLATE "C" NOT NULL,
    lane              text COLLATE "C" NOT NULL,
    dedupe_key        text COLLATE "C" NOT NULL,
    fingerprint       bytea            NOT NULL,
    occurred_at       bigint           NOT NULL,
    received_at       bigint           NOT NULL,
    state             text COLLATE "C" NOT NULL,
    reason            text COLLATE "C" NOT NULL,
    conflict_of       text COLLATE "C" NOT NULL,
    settled_at        bigint           NOT NULL,
    trace_parent      text COLLATE "C" NOT NULL,
    attempts          integer          NOT NULL DEFAULT 0,
    unmatched_since   bigint           NOT NULL DEFAULT 0,
    duplicates        integer          NOT NULL DEFAULT 0,
    last_duplicate_at bigint           NOT NULL DEFAULT 0
) WITH (
    -- Each row is settled once, soon after it came. Vacuum and statistics must not wait for a fifth of millions of rows.
    fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02
);

-- Finds duplicates, and the deliveries of a lane.
CREATE UNIQUE INDEX inbox_delivery_unique ON inbox_delivery (lane_key, unique_key);
-- What has arrived and is in no lane yet, and what is pending in a lane: both in order.
CREATE INDEX inbox_delivery_arrived ON inbox_delivery (id) WHERE state = 'pending' AND in_lane = 0;
CREATE INDEX inbox_delivery_in_lane ON inbox_delivery (lane_key, id) WHERE state = 'pending' AND in_lane = 1;
-- What a person may want to see by its state: all but the usual.
CREATE INDEX inbox_delivery_open ON inbox_delivery (state, id) WHERE state NOT IN ('pending', 'delivered');
-- What a person had stored anew: the reason ends with the ID of the new delivery.
CREATE INDEX inbox_delivery_anew ON inbox_delivery (id) WHERE state = 'ignored' AND reason LIKE 're% as %';
-- What a person may want to see by provider, agent and kind.
CREATE INDEX inbox_delivery_kind ON inbox_delivery (provider, scope, kind, id);

-- Bodies stand apart: a settlement does not write them again. They are sealed, so compressing them is in vain.
CREATE TABLE inbox_body (
    sequence bigint PRIMARY KEY,
    body     bytea  NOT NULL
);
ALTER TABLE inbox_body ALTER COLUMN body SET STORAGE EXTERNAL;

-- The combinations that deliveries have or had.
CREATE TABLE inbox_kind (
    provider text COLLATE "C" NOT NULL,
    scope    text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    PRIMARY KEY (provider, scope, kind)
);

-- One row per lane that pending deliveries were put into. It may be claimed from due_at on; a claim names its owner, writes its number, which
-- is 0 without a claim, and moves due_at to the end of the lease, so that a lease which has ended needs no cleaning up.
CREATE TABLE inbox_lane (
    lane_key bigint           PRIMARY KEY,
    due_at   bigint           NOT NULL,
    owner    text COLLATE "C" NOT NULL DEFAULT '',
    claim    bigint           NOT NULL DEFAULT 0
) WITH (
    -- A small table through which everything passes: vacuum by number, not by share.
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 10000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
CREATE INDEX inbox_lane_due ON inbox_lane (due_at);

-- What people did to the inbox.
CREATE TABLE inbox_audit (
    id      text COLLATE "C" PRIMARY KEY,
    at      bigint           NOT NULL,
    who     text COLLATE "C" NOT NULL,
    action  text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL
);
-- Finds an erasure.
CREATE INDEX inbox_audit_subject ON inbox_audit (action, subject);

-- +goose Down
DROP TABLE inbox_audit, inbox_lane, inbox_kind, inbox_body, inbox_delivery;
