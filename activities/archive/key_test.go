package archive

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestFileNamesAreMadeSafe(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"W-9 signed.pdf":                  "W-9_signed.pdf",
		"":                                "file",
		"..":                              "file",
		".bashrc":                         "bashrc",
		"../../etc/passwd":                "passwd",
		`C:\Users\ada\W9.pdf`:             "W9.pdf",
		"größe.pdf":                       "gr__e.pdf",
		"a\x00b\nc.txt":                   "a_b_c.txt",
		"trailing.":                       "trailing",
		"sneaky.attrs":                    "sneaky.attrs_",
		strings.Repeat("a", 300) + ".pdf": strings.Repeat("a", 96) + ".pdf",
	} {
		require.Equal(t, want, fileName(name), "%q", name)
	}
}

func TestKeysAreMadeOfIDsAndUnique(t *testing.T) {
	t.Parallel()
	p := attachmentParams
	key, err := attachmentKey(p)
	require.NoError(t, err)
	require.Equal(t, attachmentObject, key)

	long := strings.Repeat("x", 300)
	seen := map[string]string{}
	for _, id := range []string{"a", "A", "a/b", "a%2Fb", "a b", "..", ".", "...", "a.", "ü", "<id@mail>", long, long + "y", long[:200], segment(long)} {
		p.Attachment.ID = id
		key, err := attachmentKey(p)
		require.NoError(t, err)
		require.Empty(t, seen[key], "%q", id)
		seen[key] = id
	}
}

func TestAFileWithoutAnIDIsAFinalError(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*workflows.StoreAttachmentParams){
		func(p *workflows.StoreAttachmentParams) { p.Account = "" },
		func(p *workflows.StoreAttachmentParams) { p.Reference = "" },
		func(p *workflows.StoreAttachmentParams) { p.CaseID = "" },
		func(p *workflows.StoreAttachmentParams) { p.Attachment.ID = "" },
	} {
		w := newWorld(t, answer(200))
		p := attachmentParams
		change(&p)
		_, err := store(t, w.Activities, workflows.ActivityArchiveStoreAttachment, p)
		requireFailure(t, err, workflows.ErrTypeArchiveInvalid, true)
	}
	w := newWorld(t, answer(200))
	_, err := store(t, w.Activities, workflows.ActivityArchiveStoreResult, workflows.StoreResultParams{})
	requireFailure(t, err, workflows.ErrTypeArchiveInvalid, true)
}

func FuzzKeysAreSafeAndUnique(f *testing.F) {
	f.Add("default", "vendor_2048", "4fc5904d", "att-1", "W-9 signed.pdf", "att-2")
	f.Add("..", "...", "a/b", "../..", "../../x.attrs", ".")
	f.Add("ü", strings.Repeat("r", 200), strings.Repeat("/", 300), strings.Repeat("%", 300), "\x00\xff", strings.Repeat("%", 301))
	f.Fuzz(func(t *testing.T, account, reference, caseID, id, name, otherID string) {
		p := workflows.StoreAttachmentParams{
			Account: account, Reference: reference, CaseID: caseID,
			Attachment: workflows.Attachment{ID: id, Name: name},
		}
		key, err := attachmentKey(p)
		if account == "" || reference == "" || caseID == "" || id == "" {
			require.ErrorIs(t, err, errInvalid)
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(key), 1024)
		require.Equal(t, path.Clean(key), key)
		parts := strings.Split(key, "/")
		require.Len(t, parts, 6)
		for _, part := range parts {
			require.LessOrEqual(t, len(part), 255-len(".0123456789abcdef.tmp"), "a file name, and a temporary one")
			require.Regexp(t, `^[A-Za-z0-9%_~=-][A-Za-z0-9%._~=-]*$`, part)
			require.False(t, strings.HasSuffix(part, ".attrs") && part == parts[5])
		}
		if otherID != "" && otherID != id {
			p.Attachment.ID = otherID
			other, err := attachmentKey(p)
			require.NoError(t, err)
			require.NotEqual(t, path.Dir(key), path.Dir(other))
		}
	})
}
