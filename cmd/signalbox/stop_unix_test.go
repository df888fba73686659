//go:build unix

package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// stoppedInbox is the variable that makes the test below the command that is stopped.
const stoppedInbox = "SIGNALBOX_TEST_STOPPED_INBOX"

func TestCtrlZLeavesNoInboxLocked(t *testing.T) {
	t.Parallel()
	if path := testenv.Variable(stoppedInbox); path != "" {
		got := commandOn(t, []string{"SIGNALBOX_INBOX=" + path}, func(s inbox.Store) inbox.Store { return stoppedInPurge{s, path} }, "inbox", "purge", "--rows-before", "1ns")
		require.Zero(t, got.status, got.err)
		return
	}
	d := newTestInbox(t)
	store, err := storage.Open(t.Context(), d.inbox, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	child := testenv.Child(t, stoppedInbox+"="+d.inbox)
	child.Args = append(child.Args, "-test.run=^"+t.Name()+"$")
	child.SysProcAttr = cmp.Or(child.SysProcAttr, &syscall.SysProcAttr{})
	child.SysProcAttr.Setpgid = true // the system stops no group of processes whose parents are in another session
	require.NoError(t, child.Start())

	var state syscall.WaitStatus
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		_, err = syscall.Wait4(child.Process.Pid, &state, syscall.WUNTRACED, nil)
	}
	require.NoError(t, err)
	require.False(t, state.Stopped(), "an append would wait until it is continued")
	require.Zero(t, state.ExitStatus())
	d.add(t, store, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("vendor_3"), Kind: "case.completed", State: inbox.StatePending}, `{}`)
}

// stoppedInPurge gets the signal of Ctrl-Z while the process holds the file's write lock, as it does in each step of a purge.
type stoppedInPurge struct {
	inbox.Store
	path string
}

func (s stoppedInPurge) Purge(ctx context.Context, request inbox.PurgeRequest) (inbox.Purged, error) {
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		return inbox.Purged{}, err
	}
	db.SetMaxOpenConns(1)
	if _, err = db.ExecContext(ctx, "BEGIN IMMEDIATE"); err == nil {
		err = syscall.Kill(syscall.Getpid(), syscall.SIGTSTP)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return inbox.Purged{}, err
	}
	return s.Store.Purge(ctx, request)
}
