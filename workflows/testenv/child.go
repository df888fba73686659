package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Child returns a command that runs this test binary again as another process, with variables (NAME=value) added to the environment. The
// package's TestMain reads them with Variable. The child is killed when the test ends.
func Child(t testing.TB, variables ...string) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), variables...) //nolint:forbidigo // the child needs its parent's environment
	child.Stderr = os.Stderr
	KillWithParent(child)
	return child
}

// Variable returns a variable that Child has set, or "".
func Variable(name string) string {
	return os.Getenv(name) //nolint:forbidigo // how a child learns what it is
}
