package sqlite

import "strings"

// Statements for many rows at once cost a third of as many single ones. Few sizes are enough:
// a busy batch is mostly full chunks, and a quiet one is short.
var chunkSizes = []int{32, 8, 1}

// inChunks hands out all in pieces of those sizes, the largest first.
func inChunks[T any](all []T, do func([]T) error) error {
	for _, size := range chunkSizes {
		for len(all) >= size {
			if err := do(all[:size]); err != nil {
				return err
			}
			all = all[size:]
		}
	}
	return nil
}

// chunkQueries writes one statement for each chunk size.
func chunkQueries(head string, columns int, tail string) map[int]string {
	tuple := "(?" + strings.Repeat(", ?", columns-1) + ")"
	queries := map[int]string{}
	for _, n := range chunkSizes {
		queries[n] = head + tuple + strings.Repeat(", "+tuple, n-1) + tail
	}
	return queries
}
