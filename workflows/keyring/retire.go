package keyring

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
)

// tinkPrefix begins what a Tink key seals; the ID of the key follows it.
const tinkPrefix = 1

// SealedByCurrent says whether bytes were sealed by the key that Seal uses now. Seal other bytes again before their key is retired.
// It reads the key ID only and opens nothing, so forged bytes can give a wrong answer.
func (r *Ring) SealedByCurrent(sealed []byte) bool { return bytes.HasPrefix(sealed, r.SealedPrefix()) }

// SealedPrefix is what begins everything that Seal returns now, 5 bytes.
func (r *Ring) SealedPrefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{tinkPrefix}, r.SealingKeyID())
}

// SealingKeyID is the ID of the key that Seal uses now. It is public.
func (r *Ring) SealingKeyID() uint32 { return r.aeadKeys.KeysetInfo().GetPrimaryKeyId() }

// SealingKeyIDs are the IDs of the keys that Open uses, the oldest first.
func (r *Ring) SealingKeyIDs() []uint32 {
	var ids []uint32
	for _, key := range r.aeadKeys.KeysetInfo().GetKeyInfo() {
		ids = append(ids, key.GetKeyId())
	}
	return ids
}

// Retire returns a Ring without the sealing keys that are older than the one in use: what they have sealed can't be opened any more. The caller
// checks that nothing needs them, as `signalbox keys retire` does.
// Keys that are staged stay, and so do all token keys: a capability URL is used for as long as its case runs, and fingerprints are made with
// the oldest token key.
func (r *Ring) Retire() (*Ring, error) {
	kept, err := withoutOlder(r.aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: retire sealing keys: %w", err)
	}
	return newRing(r.use, kept, r.macKeys)
}

// Staged says whether there are keys that are newer than the ones in use.
func (r *Ring) Staged() bool {
	keys := r.aeadKeys.KeysetInfo()
	newest := keys.GetKeyInfo()[len(keys.GetKeyInfo())-1]
	return newest.GetKeyId() != keys.GetPrimaryKeyId()
}

// OlderSealingKeys counts what Retire would take out.
func (r *Ring) OlderSealingKeys() int {
	older := 0
	for _, key := range r.aeadKeys.KeysetInfo().GetKeyInfo() {
		if key.GetKeyId() == r.aeadKeys.KeysetInfo().GetPrimaryKeyId() {
			break
		}
		older++
	}
	return older
}

// withoutOlder relies on a keyset being in the order in which its keys were added.
func withoutOlder(keys *keyset.Handle) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(keys)
	for _, key := range keys.KeysetInfo().GetKeyInfo() {
		if key.GetKeyId() == keys.KeysetInfo().GetPrimaryKeyId() {
			break
		}
		if err := manager.Delete(key.GetKeyId()); err != nil {
			return nil, fmt.Errorf("delete key %d: %w", key.GetKeyId(), err)
		}
	}
	return manager.Handle()
}
