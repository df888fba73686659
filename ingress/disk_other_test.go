//go:build !unix

package ingress_test

func serveOnALimitedDisk() bool { return false }
