// Package keyring seals bytes, makes capability tokens and rotates the keys for both.
//
// It knows Tink keysets: one AES-256-GCM keyset that seals, one HMAC-SHA256 keyset that
// makes tokens and fingerprints, and one JSON document that holds the two. It does not know
// what is sealed, what a token opens, or where the secret document comes from; the context
// strings that bind a sealed value or a token to its use are chosen by the caller.
//
// A Ring does not change: rotation returns another Ring. So every method is safe for
// concurrent use and takes no lock, which matters because each webhook costs one token check,
// one fingerprint and one seal.
package keyring
