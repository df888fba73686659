package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// accounts are those that root runs the server as, because PostgreSQL refuses to run as root: the first that exists on this machine.
var accounts = []string{"postgres", "nobody"}

// prepare makes the command run as the owner of the folder, and end with this process, also where that is killed.
func prepare(command *exec.Cmd, folder string) error {
	command.Dir = folder
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := account()
	if err != nil {
		return err
	}
	command.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return nil
}

// giveAway makes the folder the server's own.
func giveAway(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := account()
	if err != nil {
		return err
	}
	return os.Chown(folder, int(uid), int(gid))
}

func account() (uid, gid uint32, err error) {
	for _, name := range accounts {
		found, lookupErr := user.Lookup(name)
		if lookupErr != nil {
			err = errors.Join(err, lookupErr)
			continue
		}
		u, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		g, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return 0, 0, fmt.Errorf("user %s: %w", name, err)
		}
		return uint32(u), uint32(g), nil
	}
	return 0, 0, fmt.Errorf("root can't run PostgreSQL as somebody else: %w", err)
}
