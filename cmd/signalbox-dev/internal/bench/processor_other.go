//go:build !unix

package bench

import "time"

// processorTime is not known here; the columns made of it then show 0.
func processorTime() time.Duration { return 0 }
