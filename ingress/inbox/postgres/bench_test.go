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

// received is the arrival of the first numbered delivery, delivery makes the delivery of a number, and numbers holds the last number in use.
var (
	received = inboxtest.Received
	delivery = inboxtest.Numbered
	numbers  atomic.Int64
)

// BenchmarkStore runs the benchmark that all stores share. Each inbox has its own database on one server. Before the measurement, the filled
// tables are vacuumed and written to disk, as they are after a run of autovacuum.
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
