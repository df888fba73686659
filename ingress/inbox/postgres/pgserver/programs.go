package pgserver

import (
	"errors"
	"os/exec"
	"path/filepath"
)

// programs are the paths of what is run.
type programs struct{ initdb, postgres string }

// ErrMissing says that the machine has no PostgreSQL, and what to install.
var ErrMissing = errors.New("no PostgreSQL server on this machine: install it (Debian: apt-get install postgresql)")

// Installed is nil where the machine has PostgreSQL, ErrMissing where it has not.
func Installed() error {
	_, err := findPrograms()
	return err
}

// findPrograms looks in PATH first, then where Debian keeps each version, the newest first.
func findPrograms() (programs, error) {
	var folders []string
	if installed, err := filepath.Glob("/usr/lib/postgresql/*/bin"); err == nil {
		folders = installed
	}
	find := func(name string) string {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for i := len(folders) - 1; i >= 0; i-- {
			if path, err := exec.LookPath(filepath.Join(folders[i], name)); err == nil {
				return path
			}
		}
		return ""
	}
	postgres := find("postgres")
	if postgres == "" {
		return programs{}, ErrMissing
	}
	// A link in PATH leads to the folder of its version, where the other program of that version is.
	if resolved, err := filepath.EvalSymlinks(postgres); err == nil {
		postgres = resolved
	}
	initdb := filepath.Join(filepath.Dir(postgres), "initdb")
	if _, err := exec.LookPath(initdb); err != nil {
		if initdb = find("initdb"); initdb == "" {
			return programs{}, ErrMissing
		}
	}
	return programs{initdb: initdb, postgres: postgres}, nil
}
