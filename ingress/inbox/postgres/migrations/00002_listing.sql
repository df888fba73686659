-- +goose Up

-- From here on a sequence is never less than its row's received_at, so that the bounds of a list in time are bounds in the order. Processes of the
-- version before would number otherwise: those under way are waited for, in the order of their locks, and later ones miss their sequence.
LOCK TABLE signalbox_lane IN EXCLUSIVE MODE;
DROP SEQUENCE signalbox_sequence;
LOCK TABLE signalbox_delivery IN EXCLUSIVE MODE;
LOCK TABLE signalbox_body IN EXCLUSIVE MODE;

-- The last number that was given.
CREATE SEQUENCE signalbox_last;
-- signalbox_take gives numbers to an amount of rows and returns the last one given before. Each row's is the next one, or its received_at where that
-- is more; ahead is the most by which a received_at is more than its row's place in the call, counted from 1. The lock ends with the call, not with the
-- transaction: nobody waits here for another's commit.
-- +goose StatementBegin
CREATE FUNCTION signalbox_take(amount bigint, ahead bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    name constant bigint := 7236833::bigint << 32 | 'signalbox_last'::regclass::oid::bigint;
    before bigint;
BEGIN
    PERFORM pg_advisory_lock(name);
    SELECT last_value INTO before FROM signalbox_last;
    PERFORM setval('signalbox_last', greatest(before, ahead) + amount);
    PERFORM pg_advisory_unlock(name);
    RETURN before;
END
$$;
-- +goose StatementEnd

-- What is there gets the numbers that it would have got.
DROP INDEX signalbox_delivery_state;
CREATE TABLE signalbox_moved AS
SELECT sequence AS before, place + max(received_at - place) OVER (ORDER BY place) AS sequence
FROM (SELECT sequence, received_at, row_number() OVER (ORDER BY sequence) AS place FROM signalbox_delivery) AS numbered;
CREATE UNIQUE INDEX ON signalbox_moved (before);
ANALYZE signalbox_moved;
UPDATE signalbox_lane l SET handed_out = coalesce((
    SELECT array_agg(m.sequence ORDER BY m.sequence) FROM signalbox_moved m WHERE m.before = ANY(l.handed_out)), '{}')
WHERE l.handed_out <> '{}';
UPDATE signalbox_body b SET sequence = m.sequence FROM signalbox_moved m WHERE m.before = b.sequence;
UPDATE signalbox_delivery d SET sequence = m.sequence FROM signalbox_moved m WHERE m.before = d.sequence;
DROP TABLE signalbox_moved;
SELECT setval('signalbox_last', greatest(1, (SELECT max(sequence) FROM signalbox_delivery)));

-- What people ask for by provider, scope and kind, and by state alone. The groups that there are can be read from the first with one look-up
-- each, and each group and state is in the order of appending. New rows go to the ends of a few groups. Both are made over expressions, so that
-- only the questions for them find them, and nothing else gives their order: the server would walk the primary key through all other rows where
-- it takes nearly all to be what is asked for, and look for what is pending in a lane among all that is where it takes nothing to be pending.
CREATE INDEX signalbox_delivery_group ON signalbox_delivery (provider, scope, state, kind, (sequence + 0));
CREATE INDEX signalbox_delivery_state ON signalbox_delivery ((state || ''), (sequence + 0));

-- The few that stand far behind the place of their arrival: let out of the quarantine, or taken in while a clock had gone back. All others that
-- arrived before a time are before its sequence. It is made over an expression so that only the question for these finds it, and this only it.
CREATE INDEX signalbox_delivery_drifted ON signalbox_delivery ((received_at + 0)) WHERE sequence > received_at + 2000000;

-- +goose Down
DROP INDEX signalbox_delivery_drifted;
CREATE SEQUENCE signalbox_sequence;
SELECT setval('signalbox_sequence', last_value) FROM signalbox_last;
DROP FUNCTION signalbox_take;
DROP SEQUENCE signalbox_last;
DROP INDEX signalbox_delivery_state;
CREATE INDEX signalbox_delivery_state ON signalbox_delivery ((state || ''), sequence);
DROP INDEX signalbox_delivery_group;
