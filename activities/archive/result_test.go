package archive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAResultIsStoredUnchangedAndOnce(t *testing.T) {
	t.Parallel()
	result := `{"z":1, "a":"` + strings.Repeat("ü", 1<<20) + `"}`
	w := newWorld(t, answer(200))
	w.provider.result = []byte(result)
	want := workflows.StoredFile{
		Bucket:      "mem://files",
		Key:         "default/vendor_2048/4fc5904d/result.json",
		Size:        int64(len(result)),
		SHA256:      sha(result),
		ContentType: "application/json",
	}
	for range 2 {
		stored, err := store(t, w.Activities, workflows.ActivityArchiveStoreResult, resultParams)
		require.NoError(t, err)
		require.Equal(t, want, stored)
	}
	require.EqualValues(t, 1, w.provider.asked.Load())
	content, err := w.objects.ReadAll(t.Context(), want.Key)
	require.NoError(t, err)
	require.Equal(t, result, string(content))
}

func TestAMissingOrTooLargeResultIsAFinalError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(200), func(c *Config) { c.MaxBytes = 10 })
	_, err := store(t, w.Activities, workflows.ActivityArchiveStoreResult, resultParams)
	requireFailure(t, err, workflows.ErrTypeArchiveNoResult, true)
	w.provider.result = []byte(`{"a":"bcd"}`)
	_, err = store(t, w.Activities, workflows.ActivityArchiveStoreResult, resultParams)
	requireFailure(t, err, workflows.ErrTypeArchiveTooLarge, true)
	require.Empty(t, keys(t, w.objects))
	w.provider.result = []byte(`{"a":"bc"}`)
	_, err = store(t, w.Activities, workflows.ActivityArchiveStoreResult, resultParams)
	require.NoError(t, err)
}
