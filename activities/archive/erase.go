package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// CaseObjects returns the keys of a case's stored files, under any account, and of temporary files that a crash left in a local folder.
func (b *Bucket) CaseObjects(ctx context.Context, reference string) (keys []string, err error) {
	accounts, err := b.list(ctx, &blob.ListOptions{Delimiter: "/"})
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		if !account.IsDir {
			continue
		}
		folder := account.Key + segment(reference) + "/"
		found, err := b.list(ctx, &blob.ListOptions{Prefix: folder})
		if err != nil {
			return nil, err
		}
		for _, o := range found {
			// The bucket may hold objects of other programs, which lack the metadata.
			_, name, _ := strings.Cut(strings.TrimPrefix(o.Key, folder), "/")
			if !strings.HasPrefix(name, "attachments/") && !strings.HasPrefix(name, "result.json") {
				continue
			}
			seen, err := b.objects.Attributes(ctx, o.Key)
			if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
				return nil, fmt.Errorf("%w: read attributes of %s: %w", errBucket, o.Key, err)
			}
			if err == nil && (seen.Metadata[metadataSHA256] != "" || b.folder && strings.HasSuffix(name, ".tmp")) {
				keys = append(keys, o.Key)
			}
		}
	}
	return keys, nil
}

// Erase deletes what CaseObjects returns, and returns how many objects it deleted. It may be interrupted and repeated. In a bucket with versioning the
// old versions stay until the bucket's lifecycle rules delete them.
func (b *Bucket) Erase(ctx context.Context, reference string) (erased int, err error) {
	keys, err := b.CaseObjects(ctx, reference)
	if err != nil {
		return 0, err
	}
	for i, key := range keys {
		if err := b.objects.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return erased, fmt.Errorf("%w: delete %s: %w", errBucket, key, err)
		}
		erased++
		account, _, _ := strings.Cut(key, "/")
		isLast := i == len(keys)-1 || !strings.HasPrefix(keys[i+1], account+"/")
		if b.folder && isLast {
			b.removeFolders(account, reference)
		}
	}
	return erased, nil
}

func (b *Bucket) list(ctx context.Context, options *blob.ListOptions) (found []*blob.ListObject, err error) {
	listed := b.objects.List(options)
	for {
		one, err := listed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: list: %w", errBucket, err)
		}
		found = append(found, one)
	}
}

// removeFolders removes the case's folder of an account and its subfolders, as far as they are empty.
func (b *Bucket) removeFolders(account, reference string) {
	u, err := url.Parse(b.name)
	if err != nil {
		return
	}
	top := filepath.Join(filepath.FromSlash(u.Path), filepath.FromSlash(b.prefix+account), segment(reference))
	var folders []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder) // one that is not empty stays
	}
}
