package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// afterWrites calls after when a write has been committed.
type afterWrites struct {
	sqlstore.Database
	after func()
}

func (a afterWrites) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) error {
	err := a.Database.Write(ctx, relaxed, work)
	a.after()
	return err
}

// Appends wait while a transaction overwrites the bodies that it removes.
func TestOneTransactionRemovesFewLargeBodies(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var ids []string
	for n, megabytes := range []int{4, 4, 4, 9, 1, 4, 4, 4, 9} {
		d := inboxtest.Pending("lane", "")
		d.State, d.ReceivedAt, d.Body = inbox.StateDead, start.Add(time.Duration(n)*time.Second), make([]byte, megabytes<<20)
		receipts, err := s.Append(t.Context(), []inbox.Delivery{d})
		require.NoError(t, err)
		ids = append(ids, receipts[0].ID)
	}
	size := func() (megabytes int) {
		require.NoError(t, s.db.db.QueryRow("SELECT coalesce(sum(length(body)), 0) / 1048576 FROM inbox_body").Scan(&megabytes))
		return megabytes
	}
	var removed []int
	left := size()
	store := sqlstore.New(afterWrites{s.db, func() {
		if now := size(); now < left {
			removed = append(removed, left-now)
			left = now
		}
	}})
	_, err := store.Purge(t.Context(), inbox.PurgeRequest{BodiesBefore: start.Add(2 * time.Second)})
	require.NoError(t, err)
	_, err = store.Purge(t.Context(), inbox.PurgeRequest{RowsBefore: start.Add(5 * time.Second)})
	require.NoError(t, err)
	require.NoError(t, store.Erase(t.Context(), "lane", ids[5:]))
	require.Equal(t, []int{8, 4, 9, 1, 8, 4, 9}, removed, "in MiB")
}
