// Package payloadtest lets whole-system tests run a second time with encrypted payloads: SIGNALBOX_TEST_ENCRYPT=1 go test ./...
package payloadtest

import (
	_ "embed"
	"os"
	"path/filepath"

	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// Variable turns the encryption on, in this process and in those that it starts.
const Variable = "SIGNALBOX_TEST_ENCRYPT"

//go:embed keys.json
var document []byte

// Keys are the same in every process of a test; nil where nothing is to be encrypted.
func Keys() *keyring.Ring {
	if os.Getenv(Variable) == "" {
		return nil
	}
	ring, err := keyring.Parse(document)
	if err != nil {
		panic(err) // it is embedded
	}
	return ring
}

// Codec is the codec with the keys.
func Codec() *payloadcodec.Codec { return payloadcodec.New(Keys()) }

// Apply lets a test's own client encrypt as the others do.
func Apply(options *client.Options) { Codec().Apply(options) }

// Options are a client's options with nothing but the converters, which replayers need.
func Options() client.Options {
	var options client.Options
	Apply(&options)
	return options
}

// Prepare puts the keys into the data folder of a development instance, which then encrypts.
func Prepare(folder string) error {
	if Keys() == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(folder, "payload-keys.json"), document, 0o600)
}
