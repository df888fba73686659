package sqlite_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
)

func TestMain(m *testing.M) {
	if appendUntilKilled() || receiveUntilTold() || playSharedRole() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestSQLitePassesTheSuiteOfAllStores(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, func(t *testing.T) inbox.Store { return open(t, filepath.Join(t.TempDir(), "inbox.db")) })
}
