// Package buildinfo says which version of Signalbox a program was built from.
package buildinfo

import (
	"cmp"
	"runtime/debug"
)

// Version returns the version of the module, which for a build in a Git checkout has the commit; "(devel)" where the build knows neither.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return cmp.Or(info.Main.Version, unknown)
}

const unknown = "(devel)"
