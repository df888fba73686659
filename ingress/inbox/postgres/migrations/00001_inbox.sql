-- +goose Up

-- The order of appending. Values are taken under the lock of a lane, so within a lane they follow the order of commits.
CREATE SEQUENCE signalbox_sequence;

-- One row per delivery. Times are microseconds since 1970 in UTC, 0 for none. lane_key and dedupe_hash are made by the store: of a fixed
-- size, so that the indexes stay small. Texts are escaped where PostgreSQL can't hold them (NUL, what is not UTF-8).
CREATE TABLE signalbox_delivery (
    sequence          bigint PRIMARY KEY,
    id                text COLLATE "C" NOT NULL UNIQUE,
    lane_key          uuid   NOT NULL,
    dedupe_hash       uuid   NOT NULL,
    provider          text COLLATE "C" NOT NULL,
    scope             text COLLATE "C" NOT NULL,
    lane              text COLLATE "C" NOT NULL,
    kind              text COLLATE "C" NOT NULL,
    dedupe_key        text COLLATE "C" NOT NULL,
    fingerprint       bytea  NOT NULL,
    occurred_at       bigint NOT NULL,
    received_at       bigint NOT NULL,
    state             text COLLATE "C" NOT NULL,
    reason            text COLLATE "C" NOT NULL,
    conflict_of       text COLLATE "C" NOT NULL,
    attempts          integer NOT NULL DEFAULT 0,
    due_at            bigint NOT NULL,
    duplicates        integer NOT NULL DEFAULT 0,
    last_duplicate_at bigint NOT NULL DEFAULT 0,
    settled_at        bigint NOT NULL
) WITH (
    -- Each row is settled once, soon after it came. Vacuum and statistics must not wait for a fifth of millions of rows.
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);

-- Finds duplicates, and by its first column the deliveries of a lane. The only index that an append touches in a random place.
CREATE UNIQUE INDEX signalbox_delivery_key ON signalbox_delivery (lane_key, dedupe_hash);
-- What is pending in a lane, in order: as large as what is pending, whatever else the lane has seen.
CREATE INDEX signalbox_delivery_pending ON signalbox_delivery (lane_key, sequence) WHERE state = 'pending';
-- Each state's deliveries in the order of appending, for lists and the oldest that is pending. It is made over an expression so that only
-- these find it: the server's statistics mostly say that nothing is pending, and it would look for what is pending in each of many
-- lanes among all that is.
CREATE INDEX signalbox_delivery_state ON signalbox_delivery ((state || ''), sequence);
-- Lists by time, and retention.
CREATE INDEX signalbox_delivery_received ON signalbox_delivery (received_at);

-- Bodies stand apart: a settlement does not write them again. They are sealed, so compressing them is in vain.
CREATE TABLE signalbox_body (
    sequence bigint PRIMARY KEY,
    body     bytea NOT NULL
);
ALTER TABLE signalbox_body ALTER COLUMN body SET STORAGE EXTERNAL;

-- One row per lane in which something is pending, and none for the others: whatever was delivered costs nothing here.
CREATE TABLE signalbox_lane (
    lane_key    uuid   PRIMARY KEY,
    -- When the lane may be handed out.
    due_at      bigint NOT NULL,
    -- How often an append found the row: 0 tells the one that made it.
    appends     bigint NOT NULL DEFAULT 0,
    -- The claim; '' and 0 without one. A lease that has ended needs nobody's doing: the lane is simply due again.
    owner       text COLLATE "C" NOT NULL DEFAULT '',
    lease_until bigint NOT NULL DEFAULT 0,
    -- The sequences handed out and not yet settled.
    handed_out  bigint[] NOT NULL DEFAULT '{}',
    -- What the first retry in the claim asked for, 0 without one.
    retry_at    bigint NOT NULL DEFAULT 0,
    -- Something came during the claim: it may be what was missing, and cuts a wait short.
    arrived     boolean NOT NULL DEFAULT false,
    -- Something reached its end during the claim, so that what follows it has not been tried.
    ended       boolean NOT NULL DEFAULT false
) WITH (
    -- A small table through which everything passes: vacuum by number, not by share.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000
);

-- The lanes by the time from which on they can be claimed.
CREATE INDEX signalbox_lane_due ON signalbox_lane (greatest(due_at, lease_until));

-- The number of deliveries by state is the sum over the slots. Each transaction adds to a slot that nobody else holds just then, so that
-- replicas do not queue for one row. A slot alone may go below zero.
CREATE TABLE signalbox_count (
    slot        integer PRIMARY KEY,
    pending     bigint NOT NULL DEFAULT 0,
    delivered   bigint NOT NULL DEFAULT 0,
    unmatched   bigint NOT NULL DEFAULT 0,
    late        bigint NOT NULL DEFAULT 0,
    ignored     bigint NOT NULL DEFAULT 0,
    dead        bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000
);
INSERT INTO signalbox_count (slot) SELECT generate_series(0, 31);

-- +goose Down
DROP TABLE signalbox_count;
DROP TABLE signalbox_lane;
DROP TABLE signalbox_body;
DROP TABLE signalbox_delivery;
DROP SEQUENCE signalbox_sequence;
