package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// crashFile names the file for the child process of the crash test.
const crashFile = "SIGNALBOX_TEST_CRASH_FILE"

// appendUntilKilled is the child: it appends with many callers and prints each ID once Append
// has returned, until it is killed.
func appendUntilKilled() bool {
	path := testenv.Variable(crashFile)
	if path == "" {
		return false
	}
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		panic(err)
	}
	var n atomic.Int64
	for range 16 {
		go func() {
			for {
				d := delivery(n.Add(1))
				d.DedupeKey = "" // the next child counts from one again
				receipts, err := s.Append(context.Background(), []inbox.Delivery{d})
				if err != nil {
					panic(err)
				}
				fmt.Println(receipts[0].ID)
			}
		}()
	}
	select {}
}

func TestEveryAcknowledgedDeliverySurvivesAKilledProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	acknowledged := map[string]bool{}
	for _, enough := range []int{1, 700, 3000} {
		child := testenv.Child(t, crashFile+"="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines, seen := bufio.NewScanner(out), 0
		for lines.Scan() {
			if len(lines.Text()) == 36 { // the kill may cut the last line
				acknowledged[lines.Text()] = true
			}
			if seen++; seen == enough {
				require.NoError(t, child.Process.Kill())
			}
		}
		require.Error(t, child.Wait(), "killed")

		s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
		require.NoError(t, err)
		requireStored(t, s, acknowledged)
		require.NoError(t, s.Close())
	}
	require.GreaterOrEqual(t, len(acknowledged), 3700)
}

func requireStored(t *testing.T, s *sqlite.Store, acknowledged map[string]bool) {
	t.Helper()
	stored := map[string]bool{}
	f := inbox.Filter{Limit: inbox.MaxPage}
	for {
		page, err := s.List(context.Background(), f)
		require.NoError(t, err)
		for _, d := range page.Deliveries {
			stored[d.ID] = true
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for id := range acknowledged {
		require.True(t, stored[id], "acknowledged %s is gone", id)
	}
	counts, err := s.Counts(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(len(stored)), counts[inbox.StatePending])
}
