package artmailhook

import "bytes"

// maxKeptSignature is far more than a signature with its prefix has.
const maxKeptSignature = 200

// Pack puts a body together with the signature that came with it, for a quarantine: with both, it can be verified again when a
// secret has been mended. The signature is the first line.
func Pack(signature string, body []byte) []byte {
	if len(signature) > maxKeptSignature || bytes.ContainsAny([]byte(signature), "\r\n") {
		// It is no signature, and never will be.
		signature = ""
	}
	packed := make([]byte, 0, len(signature)+1+len(body))
	packed = append(packed, signature...)
	packed = append(packed, '\n')
	return append(packed, body...)
}

// Unpack is the inverse of Pack.
func Unpack(packed []byte) (signature string, body []byte) {
	first, body, _ := bytes.Cut(packed, []byte("\n"))
	return string(first), body
}
