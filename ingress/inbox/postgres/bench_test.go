package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// Where the numbered deliveries begin, what they are, and the last number that a test took.
var (
	received = inboxtest.Received
	delivery = inboxtest.Numbered
	numbers  atomic.Int64
)

// BenchmarkStore is that of all stores, each inbox in a database of one server. The tables are vacuumed and on disk, as between two visits of
// the server's own vacuum.
func BenchmarkStore(b *testing.B) {
	inboxtest.Bench(b, func(b *testing.B, fill func(inbox.Store)) func() inbox.Store {
		address := pgtest.Shared(b).Database(b)
		fill(open(b, address))
		conn, err := pgx.Connect(context.Background(), address)
		require.NoError(b, err)
		for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
			_, err = conn.Exec(context.Background(), statement)
			require.NoError(b, err)
		}
		require.NoError(b, conn.Close(context.Background()))
		return func() inbox.Store { return open(b, address) }
	})
}
