// Package testenv helps the tests of all packages: it finds the programs of this machine that a test needs, and waits until something holds.
// It is for tests alone.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Require is the environment variable that names what a test run must not skip: names with commas between, such as postgres,node,curl.
const Require = "SIGNALBOX_TEST_REQUIRE"

// Program returns the path of a program, also of one in /usr/sbin. Where the program is missing, the test ends as in Missing.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") { //nolint:forbidigo // it looks as a shell does
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	Missing(t, name, "install Debian's package "+debianPackage)
	return ""
}

// Missing skips a test for which a part of the machine is missing. It fails the test instead if Require names the part.
func Missing(t testing.TB, part, mend string) {
	t.Helper()
	required := strings.Split(os.Getenv(Require), ",") //nolint:forbidigo // a test run says in its environment what it requires
	if slices.ContainsFunc(required, func(name string) bool { return strings.TrimSpace(name) == part }) {
		t.Fatalf("%s names %s, which is missing: %s", Require, part, mend)
	}
	t.Skipf("%s is missing: %s", part, mend)
}
