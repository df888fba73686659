package archive

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
)

func TestErasingACaseLeavesWhatBelongsToOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	bucket := openFolder(t, folder, "?prefix=signalbox/")
	for _, key := range []string{
		"default/vendor_1/c1/attachments/a1/w9.pdf", "default/vendor_1/c1/attachments/a1/w9.pdf.123.tmp", "default/vendor_1/c2/result.json", "second/vendor_1/c3/result.json",
		"default/vendor_10/c4/result.json", "default/vendor_1/readme.txt", "vendor_1/c5/result.json",
	} {
		require.NoError(t, bucket.objects.WriteAll(t.Context(), key, []byte("x"), &blob.WriterOptions{Metadata: map[string]string{metadataSHA256: "ab"}}))
	}
	const foreign = "exports/vendor_1/2026/attachments/x.pdf"
	require.NoError(t, bucket.objects.WriteAll(t.Context(), foreign, []byte("x"), nil))
	for _, want := range []int{4, 0} {
		erased, err := bucket.Erase(t.Context(), "vendor_1")
		require.NoError(t, err)
		require.Equal(t, want, erased)
	}
	require.Equal(t, []string{"default/vendor_1/readme.txt", "default/vendor_10/c4/result.json", foreign, "vendor_1/c5/result.json"}, keys(t, bucket.objects))
	_, err := os.Stat(filepath.Join(folder, "signalbox", "second", "vendor_1"))
	require.ErrorIs(t, err, os.ErrNotExist, "an empty folder has the reference as its name")
}
