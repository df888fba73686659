package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

// maxSegment, in bytes, keeps a segment below the 255 bytes of a file name, and a key of four segments and a name below the 1,024 bytes of S3.
const maxSegment = 200

// attachmentKey returns {account}/{reference}/{caseId}/attachments/{attachmentId}/{name}. The name is for people; the ID alone makes the key unique.
func attachmentKey(p workflows.StoreAttachmentParams) (string, error) {
	folder, err := caseFolder(p.Account, p.Reference, p.CaseID)
	if err != nil {
		return "", err
	}
	if p.Attachment.ID == "" {
		return "", fmt.Errorf("%w: the attachment has no ID", errInvalid)
	}
	return path.Join(folder, "attachments", segment(p.Attachment.ID), fileName(p.Attachment.Name)), nil
}

// resultKey returns {account}/{reference}/{caseId}/result.json.
func resultKey(p workflows.StoreResultParams) (string, error) {
	folder, err := caseFolder(p.Account, p.Reference, p.CaseID)
	if err != nil {
		return "", err
	}
	return path.Join(folder, "result.json"), nil
}

func caseFolder(account, reference, caseID string) (string, error) {
	for _, part := range []struct{ name, value string }{{"account", account}, {"reference", reference}, {"caseId", caseID}} {
		if part.value == "" {
			return "", fmt.Errorf("%w: the %s is empty", errInvalid, part.name)
		}
	}
	return path.Join(segment(account), segment(reference), segment(caseID)), nil
}

// segment returns a unique part of a key for an ID. It percent-encodes everything but [A-Za-z0-9_~-] and dots inside. A part that is too long is
// cut and ends in "=" and a hash; shorter parts never contain "=".
func segment(id string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		switch {
		case isAlphanumeric(c), c == '_', c == '~', c == '-', c == '.' && i > 0 && i < len(id)-1:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	text := b.String()
	if len(text) <= maxSegment {
		return text
	}
	sum := sha256.Sum256([]byte(id))
	return text[:maxSegment-33] + "=" + hex.EncodeToString(sum[:16])
}

// fileName returns a file name that is safe on every file system and in every URL. The object's Content-Disposition keeps the original name.
func fileName(name string) string {
	const most = 100
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && (isAlphanumeric(byte(r)) || r == '.' || r == '-') {
			return r
		}
		return '_'
	}, name)
	if len(name) > most {
		name = name[len(name)-most:] // the end has the extension
	}
	name = strings.Trim(name, ".")
	switch {
	case name == "":
		return "file"
	case strings.HasSuffix(name, ".attrs"):
		return name + "_" // a local folder stores the metadata of objects in files with this ending
	}
	return name
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
