package config

import (
	"fmt"
	"strconv"
)

// Payloads are --payload-keys and --payload-decrypt-only for commands that have no flags of a process: the variables alone.
func (s Source) Payloads() (keys string, decryptOnly bool, err error) {
	env := s.variables()
	const name = "SIGNALBOX_PAYLOAD_DECRYPT_ONLY"
	if value, set := env[name]; set {
		if decryptOnly, err = strconv.ParseBool(value); err != nil {
			return "", false, fmt.Errorf("%s: %q is neither true nor false", name, value)
		}
	}
	return env["SIGNALBOX_PAYLOAD_KEYS"], decryptOnly, nil
}
