package operator

import (
	"net"
	"os"
	"os/user"
	"strconv"
)

// peerName is the system's name of the user at the other end, for the log.
func peerName(conn net.Conn) string {
	uid, known := peerUID(conn)
	if !known {
		return unknownCaller
	}
	return userName(uid)
}

// ThisUser is the name of the user whom this process runs as.
func ThisUser() string { return userName(os.Getuid()) }

func userName(uid int) string {
	id := strconv.Itoa(uid)
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return "uid " + id
}
