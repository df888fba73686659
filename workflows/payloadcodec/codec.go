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

// sealContext binds what is sealed to this use.
const sealContext = "temporal-payload"

// ErrKeyMissing: a payload is encrypted by a key that is not here. The error names the key and what to do.
var ErrKeyMissing = errors.New("payload key missing")

// errDamaged: a payload was cut or altered, or made by other keys with the same ID.
var errDamaged = errors.New("encrypted payload can't be opened: it was altered, or encrypted by another key with this ID")

// Codec encrypts payloads, and opens those that are encrypted; all others it returns as they are. Make one with New. It implements
// converter.PayloadCodec and is safe for concurrent use.
type Codec struct {
	ring    *keyring.Ring
	encrypt bool
	held    []uint32
}

// New makes a codec with the keys. Without keys it encrypts nothing, and its error for an encrypted payload names the missing key. Without any
// codec, a worker would fail the workflow.
func New(ring *keyring.Ring) *Codec {
	if ring == nil {
		return &Codec{}
	}
	return &Codec{ring: ring, encrypt: true, held: ring.SealingKeyIDs()}
}

// DecryptOnly is the codec that opens payloads and encrypts none: all processes begin with it when encryption is turned on, and end with it when
// it is turned off, so that at no moment one writes what another can't read.
func (c *Codec) DecryptOnly() *Codec {
	return &Codec{ring: c.ring, held: c.held}
}

// Encode implements converter.PayloadCodec. An encrypted payload is at most 120 bytes larger.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.encrypt {
		return payloads, nil
	}
	return each(payloads, c.seal)
}

// Decode implements converter.PayloadCodec. It fails with ErrKeyMissing.
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
	if !slices.Contains(c.held, id) {
		return nil, fmt.Errorf("%w: the payload is encrypted by key %d, which this process does not have: give it the payload keys that hold it "+
			"(--payload-keys, SIGNALBOX_PAYLOAD_KEYS) and restart it", ErrKeyMissing, id)
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

// Current says whether a payload is encrypted by the key that Encode uses now, or plain where Encode encrypts nothing.
func (c *Codec) Current(payload *commonpb.Payload) bool {
	id, encrypted := KeyID(payload)
	return encrypted == c.encrypt && (!encrypted || id == c.ring.SealingKeyID())
}

// KeyID is the ID of the key that a payload is encrypted by; false: it is not encrypted. It needs no key.
func KeyID(payload *commonpb.Payload) (id uint32, encrypted bool) {
	if string(payload.GetMetadata()[converter.MetadataEncoding]) != Encoding {
		return 0, false
	}
	// An ID that can't be read is that of no key.
	parsed, _ := strconv.ParseUint(string(payload.GetMetadata()[metadataKeyID]), 10, 32)
	return uint32(parsed), true //nolint:gosec // it was parsed as 32 bits
}

// each never changes a payload: the caller may send it again.
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
