package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) {
	if appendUntilKilled() || receiveUntilTold() || playSharedRole() {
		return
	}
	testenv.RunWithoutLeaks(m)
}

func TestSQLitePassesTheSuiteOfAllStores(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, func(t *testing.T) inbox.Store { return open(t, filepath.Join(t.TempDir(), "inbox.db")) })
}
