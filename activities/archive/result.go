package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// StoreResult is the activity "archive.store-result": it reads a case and puts its result into the bucket, unless the bucket has it already. The
// case has ended, so its result does not change any more.
func (a *Activities) StoreResult(ctx context.Context, p workflows.StoreResultParams) (workflows.StoredFile, error) {
	stored, _, err := storeFile(ctx, a, p, resultKey, a.readAndPut)
	return stored, err
}

func (a *Activities) readAndPut(ctx *attempt, key string, p workflows.StoreResultParams) (object, error) {
	result, err := a.provider.Result(ctx, p.Account, p.CaseID)
	switch {
	case err != nil:
		return object{}, fromProvider(err, a.now().Before(p.LagUntil))
	case len(result) == 0 && a.now().Before(p.LagUntil):
		return object{}, errNoResultYet
	case len(result) == 0:
		return object{}, errNoResult
	case int64(len(result)) > a.maxBytes:
		return object{}, fmt.Errorf("%w: %d bytes, at most %d", errTooLarge, len(result), a.maxBytes)
	}
	sum := sha256.Sum256(result)
	o := object{
		size:        int64(len(result)),
		sha256:      hex.EncodeToString(sum[:]),
		contentType: "application/json",
		disposition: "attachment",
	}
	return o, a.bucket.put(ctx, key, bytes.NewReader(result), o)
}
