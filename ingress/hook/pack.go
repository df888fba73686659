package hook

import (
	"bytes"
	"slices"
	"strings"
)

const (
	// maxKeptSignature, in bytes, is far longer than a signature with its prefix.
	maxKeptSignature = 200
	// maxKeptEncoding, in bytes, is longer than each registered content coding.
	maxKeptEncoding = 40
)

// Pack joins a raw body with its signatures and its Content-Encoding, so that the quarantine can verify it again after the secret was
// corrected. The first line has the signatures with commas between them, and after a space the encoding if there is one; the body follows.
// Pack leaves out a signature or encoding that is too long or has a character that it can't have.
func Pack(signatures []string, encoding string, body []byte) []byte {
	signatures = slices.DeleteFunc(slices.Clone(signatures), func(s string) bool {
		return len(s) > maxKeptSignature || strings.ContainsAny(s, ", \r\n")
	})
	line := strings.Join(signatures, ",")
	if encoding != "" && len(encoding) <= maxKeptEncoding && !strings.ContainsAny(encoding, " \r\n") {
		line += " " + encoding
	}
	packed := make([]byte, 0, len(line)+1+len(body))
	packed = append(packed, line...)
	packed = append(packed, '\n')
	return append(packed, body...)
}

// Unpack reverses Pack.
func Unpack(packed []byte) (signatures []string, encoding string, body []byte) {
	line, body, _ := bytes.Cut(packed, []byte("\n"))
	first, encoding, _ := strings.Cut(string(line), " ")
	return Signatures([]string{first}), encoding, body
}
