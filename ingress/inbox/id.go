package inbox

import (
	"fmt"

	"github.com/google/uuid"
)

// NewID returns a delivery ID: a UUID of version 7, so that IDs sort by the time they were made
// and go to the end of an index. A caller that seals a body for its delivery makes the ID first.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("inbox: make delivery ID: %w", err)
	}
	return id.String(), nil
}
