package keyring

// EncodeToken spells any MAC as a token, for the test that a fingerprint is none.
func EncodeToken(tag []byte) string { return tokenEncoding.EncodeToString(tag) }
