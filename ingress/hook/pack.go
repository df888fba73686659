package hook

import (
	"bytes"
	"slices"
	"strings"
)

const (
	// maxKeptSignature, in bytes, is far more than a signature with its prefix has.
	maxKeptSignature = 200
	// maxKeptEncoding, in bytes, is more than any registered content coding has.
	maxKeptEncoding = 40
)

// Pack puts a raw body together with what came beside it, for a quarantine: when a secret has been corrected, the body can be verified
// again. The first line is the signatures, with commas between them, and after a blank the Content-Encoding if there is one. A signature or
// encoding that can be none is left out.
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

// Unpack is the inverse of Pack.
func Unpack(packed []byte) (signatures []string, encoding string, body []byte) {
	line, body, _ := bytes.Cut(packed, []byte("\n"))
	first, encoding, _ := strings.Cut(string(line), " ")
	return Signatures([]string{first}), encoding, body
}
