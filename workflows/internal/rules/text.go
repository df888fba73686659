package rules

import (
	"encoding/json"
	"fmt"
	"math"
)

// Count returns the number with its noun, in the plural unless the number is 1.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// JSONSize returns the length of a value as JSON. A value that came as JSON always encodes, and always to the same bytes; workflowcheck can't see
// that.
//
//workflowcheck:ignore
func JSONSize(v any) int {
	raw, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt32 // too large to keep
	}
	return len(raw)
}
