//go:build !unix

package loadtest

import "time"

// ProcessorTime is not known here: 0.
func ProcessorTime() time.Duration { return 0 }
