// Package sealtest tries encrypted payloads on the whole system: what Temporal's database, exported histories and Web UI show, with the codec
// server and without it, what a missing key does, and the rotation of keys.
package sealtest
