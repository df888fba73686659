package sqlite

import "context"

// OpenUnsynced opens a store whose commits are not synced. Only tests have it: they prove with it that a commit without its sync is found.
func OpenUnsynced(ctx context.Context, path string, options Options) (*Store, error) {
	s, err := Open(ctx, path, options)
	if err != nil {
		return nil, err
	}
	// Nothing is committed yet, so the writer is still this goroutine's.
	s.db.writes.synced, s.db.writes.unsynced = "OFF", "OFF"
	return s, nil
}
