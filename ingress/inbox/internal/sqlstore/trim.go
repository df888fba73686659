package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Written as expressions, provider and scope can't make the database use another index.
const selectOfSender = `SELECT sequence, kind FROM inbox_delivery @delivery_open WHERE state NOT IN ('pending', 'delivered') AND state = ?
AND (provider || '') = ? AND (scope || '') = ? ORDER BY CASE WHEN received_at > last_duplicate_at THEN received_at ELSE last_duplicate_at END, id @skip`

// Trim implements inbox.Store. It reads all deliveries of the sender in the state, so don't call it for each arrival.
func (s *Store) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	if request.State == inbox.StatePending || request.State == inbox.StateDelivered || request.Keep < 0 {
		return 0, s.db.Wrap(ctx, "trim", fmt.Errorf("%w: state %q, keep %d", inbox.ErrInvalid, request.State, request.Keep))
	}
	trimmed := 0 // not read after an error: the transaction may still be writing it
	err := s.write(ctx, "trim", false, func(tx Tx) error {
		groups := make([][]int64, 1+len(request.LastKinds))
		err := tx.Each(selectOfSender, func(row Row) error {
			var sequence int64
			var kind string
			err := row.Scan(&sequence, &kind)
			group := &groups[1+slices.Index(request.LastKinds, kind)] // groups[0] has all other kinds
			*group = append(*group, sequence)
			return err
		}, string(request.State), request.Provider, request.Scope)
		if err != nil {
			return err
		}
		all := slices.Concat(groups...)
		trimmed = max(0, len(all)-request.Keep)
		return removeRows(tx, all[:trimmed])
	})
	if err != nil {
		return 0, err
	}
	return trimmed, nil
}
