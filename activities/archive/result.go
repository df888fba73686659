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
	attempt, end := a.begin(ctx)
	defer end()
	stored, err := a.storeResult(attempt, p)
	if err != nil {
		return workflows.StoredFile{}, failure(ctx, err)
	}
	return stored, nil
}

func (a *Activities) storeResult(ctx *attempt, p workflows.StoreResultParams) (workflows.StoredFile, error) {
	if a.bucket == nil {
		return workflows.StoredFile{}, errNoBucket
	}
	key, err := resultKey(p)
	if err != nil {
		return workflows.StoredFile{}, err
	}
	o, found, err := a.bucket.find(ctx, key)
	if err != nil {
		return workflows.StoredFile{}, err
	}
	if !found {
		if o, err = a.readAndPut(ctx, key, p); err != nil {
			return workflows.StoredFile{}, err
		}
	}
	return a.bucket.stored(key, o), nil
}

func (a *Activities) readAndPut(ctx *attempt, key string, p workflows.StoreResultParams) (object, error) {
	result, err := a.provider.Result(ctx, p.Account, p.CaseID)
	switch {
	case err != nil:
		return object{}, provided(err, a.now().Before(p.LagUntil))
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
