package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrEmpty: the key document is blank, because a secret is unset or a file is empty. It has its
// own error so that the program refuses to start, and does not create new keys.
var ErrEmpty = errors.New("keyring: key document is empty")

const documentVersion = 1

// usePayloads marks a document whose keys encrypt Temporal payloads.
const usePayloads = "payloads"

// document is the secret file: both keysets in cleartext, in Tink's own JSON.
type document struct {
	Version int             `json:"version"`
	Use     string          `json:"use,omitempty"`
	AEAD    json.RawMessage `json:"aead"`
	MAC     json.RawMessage `json:"mac"`
}

// Parse reads the JSON document that Marshal writes. Errors name the part that is wrong and
// never quote a key. Blank input is ErrEmpty.
func Parse(b []byte) (*Ring, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, ErrEmpty
	}
	var doc document
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("keyring: key document is not valid JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("keyring: key document is followed by more data")
	}
	if doc.Version == 0 {
		return nil, errors.New("keyring: the document is no keyring: it has no version; `signalbox keys create` makes one")
	}
	if doc.Version != documentVersion {
		return nil, fmt.Errorf("keyring: key document has version %d, this program reads %d", doc.Version, documentVersion)
	}
	if doc.Use != "" && doc.Use != usePayloads {
		return nil, fmt.Errorf("keyring: key document is for %q, which this program does not know", doc.Use)
	}
	aeadKeys, err := parseKeyset("aead", doc.AEAD)
	if err != nil {
		return nil, err
	}
	macKeys, err := parseKeyset("mac", doc.MAC)
	if err != nil {
		return nil, err
	}
	return newRing(doc.Use, aeadKeys, macKeys)
}

// Marshal returns the JSON document that Parse reads. It holds the keys in cleartext.
func (r *Ring) Marshal() ([]byte, error) {
	aeadKeys, err := marshalKeyset(r.aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: write sealing keyset: %w", err)
	}
	macKeys, err := marshalKeyset(r.macKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: write token keyset: %w", err)
	}
	b, err := json.MarshalIndent(document{Version: documentVersion, Use: r.use, AEAD: aeadKeys, MAC: macKeys}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keyring: write key document: %w", err)
	}
	return append(b, '\n'), nil
}

func parseKeyset(field string, b json.RawMessage) (*keyset.Handle, error) {
	if len(b) == 0 || bytes.Equal(b, []byte("null")) {
		return nil, fmt.Errorf("keyring: key document has no %q keyset", field)
	}
	keys, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(b)))
	if err != nil {
		// The cause is left out: Tink's JSON reader quotes what it could not read.
		return nil, fmt.Errorf("keyring: %q in the key document is not a valid Tink keyset", field)
	}
	return keys, nil
}

func marshalKeyset(keys *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(keys, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
