-- +goose Up

-- What people ask for by provider, scope and kind. The groups that there are can be read from it
-- with one look-up each, and each group is in the order of appending; by its first three columns
-- it also bounds what one sender has in a state. New rows go to the ends of a few groups.
CREATE INDEX delivery_group ON delivery (provider, scope, state, kind);
-- The few that stand far behind the place of their arrival: let out of the quarantine, or taken in
-- while the clock had gone back. All others that arrived before a time are before its sequence.
CREATE INDEX delivery_drifted ON delivery (received_at) WHERE sequence > received_at + 2000000;

-- +goose Down
DROP INDEX delivery_drifted;
DROP INDEX delivery_group;
