package payloadcodec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Metadata of an encrypted payload.
const (
	Encoding      = "binary/encrypted"
	metadataKeyID = "encryption-key-id"
)

// sealContext is authenticated with each payload: what the same keys seal for another use can't be opened as a payload.
const sealContext = "temporal-payload"

// ErrKeyMissing: a payload is encrypted with a key that this process does not have. The error names the key and what to do.
var ErrKeyMissing = errors.New("payload key missing")

// errDamaged: a payload was truncated or altered, or encrypted with another key that has the same ID.
var errDamaged = errors.New("encrypted payload can't be opened: it was altered, or encrypted by another key with this ID")

// Codec encrypts payloads and decrypts encrypted ones; Decode returns all others unchanged. Make one with New. It implements
// converter.PayloadCodec and is safe for concurrent use.
type Codec struct {
	ring    *keyring.Ring
	encrypt bool
	keyIDs  []uint32
}

// New makes a codec with the keys. Without keys it encrypts nothing, and returns ErrKeyMissing for an encrypted payload. Use one even without
// keys: at an encrypted payload, a worker with a codec fails only the workflow task, but a worker without a codec fails the workflow.
func New(ring *keyring.Ring) *Codec {
	if ring == nil {
		return &Codec{}
	}
	return &Codec{ring: ring, encrypt: true, keyIDs: ring.SealingKeyIDs()}
}

// DecryptOnly returns a codec that decrypts payloads and encrypts none. Before encryption is turned on, all processes need it; after encryption
// is turned off, all keep it as long as encrypted payloads exist. So no process writes what another can't read.
func (c *Codec) DecryptOnly() *Codec {
	return &Codec{ring: c.ring, keyIDs: c.keyIDs}
}

// Encode implements converter.PayloadCodec. An encrypted payload is at most 120 bytes larger.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.encrypt {
		return payloads, nil
	}
	return each(payloads, c.seal)
}

// Decode implements converter.PayloadCodec. It returns ErrKeyMissing if it lacks the key of a payload.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.open)
}

func (c *Codec) seal(payload *commonpb.Payload) (*commonpb.Payload, error) {
	plain, err := proto.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encrypt payload: %w", err)
	}
	sealed, err := c.ring.Seal(plain, sealContext)
	if err != nil {
		return nil, fmt.Errorf("encrypt payload: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(Encoding),
			metadataKeyID:              strconv.AppendUint(nil, uint64(c.ring.SealingKeyID()), 10),
		},
		Data: sealed,
	}, nil
}

func (c *Codec) open(payload *commonpb.Payload) (*commonpb.Payload, error) {
	id, encrypted := KeyID(payload)
	if !encrypted {
		return payload, nil
	}
	if !slices.Contains(c.keyIDs, id) {
		return nil, fmt.Errorf("%w: the payload is encrypted with key %d, which this process does not have: restart it with a key file that "+
			"has this key (--payload-keys, SIGNALBOX_PAYLOAD_KEYS)", ErrKeyMissing, id)
	}
	plain, err := c.ring.Open(payload.GetData(), sealContext)
	if err != nil {
		return nil, fmt.Errorf("%w: key %d", errDamaged, id)
	}
	opened := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, fmt.Errorf("%w: key %d", errDamaged, id)
	}
	return opened, nil
}

// Current reports whether a payload is as Encode would write it now: encrypted with the current key, or plain if Encode does not encrypt.
func (c *Codec) Current(payload *commonpb.Payload) bool {
	id, encrypted := KeyID(payload)
	return encrypted == c.encrypt && (!encrypted || id == c.ring.SealingKeyID())
}

// KeyID returns the ID of the key that encrypted the payload, or false if the payload is not encrypted. It needs no key.
func KeyID(payload *commonpb.Payload) (id uint32, encrypted bool) {
	if string(payload.GetMetadata()[converter.MetadataEncoding]) != Encoding {
		return 0, false
	}
	// A malformed ID becomes 0 or the largest uint32, in practice the ID of no key: Decode then returns ErrKeyMissing.
	parsed, _ := strconv.ParseUint(string(payload.GetMetadata()[metadataKeyID]), 10, 32)
	return uint32(parsed), true //nolint:gosec // it was parsed as 32 bits
}

// each returns a new list and leaves the given payloads unchanged: the caller may send them again.
func each(payloads []*commonpb.Payload, change func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	changed := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		var err error
		if changed[i], err = change(payload); err != nil {
			return nil, err
		}
	}
	return changed, nil
}
