// Package buildinfo says which version of Signalbox a program was built from.
package buildinfo

import (
	"cmp"
	"runtime/debug"
)

// Version returns the version of the main module. A build in a Git checkout has a version with the commit. Without one it is "(devel)".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return cmp.Or(info.Main.Version, unknown)
}

const unknown = "(devel)"
