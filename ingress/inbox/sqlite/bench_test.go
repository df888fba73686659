package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

// received is the arrival of the first numbered delivery, and delivery makes the delivery of a number.
var (
	received = inboxtest.Received
	delivery = inboxtest.Numbered
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// BenchmarkStore is that of all stores, on a file.
func BenchmarkStore(b *testing.B) {
	inboxtest.Bench(b, func(b *testing.B, fill func(inbox.Store)) func() inbox.Store {
		path := filepath.Join(b.TempDir(), "inbox.db")
		fill(open(b, path))
		return func() inbox.Store { return open(b, path) }
	})
}

// prefill appends deliveries that need nothing more.
func prefill(t testing.TB, s *sqlite.Store, count int64) {
	t.Helper()
	for n := int64(0); n < count; {
		batch := make([]inbox.Delivery, 0, 500)
		for len(batch) < cap(batch) && n < count {
			d := delivery(n)
			d.State = inbox.StateIgnored
			batch, n = append(batch, d), n+1
		}
		_, err := s.Append(context.Background(), batch)
		require.NoError(t, err)
	}
}
