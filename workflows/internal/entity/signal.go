package entity

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// Drain returns all signals that wait in a channel, oldest first. The SDK logs and skips a signal that can't be decoded.
func Drain[T any](channel workflow.ReceiveChannel) []T {
	var all []T
	for {
		var one signal[T]
		if !channel.ReceiveAsync(&one) {
			return all
		}
		all = append(all, one.value)
	}
}

// signal decodes each signal into a new value. Without it, a skipped signal would leave fields in the next one: the SDK decodes both into
// the same variable, and encoding/json keeps fields that the next one lacks.
type signal[T any] struct{ value T }

// UnmarshalJSON implements json.Unmarshaler.
func (s *signal[T]) UnmarshalJSON(raw []byte) error {
	var fresh T
	if err := json.Unmarshal(raw, &fresh); err != nil {
		return fmt.Errorf("decode signal: %w", err)
	}
	s.value = fresh
	return nil
}
