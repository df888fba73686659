package sqlite

// KeepKeys sets how many keys stay in memory, so that few deliveries are enough for many laps of the merge.
func (s *Store) KeepKeys(n int) { s.writes.keys.keep = n }
