package setting

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

// given are the addresses that FreeAddress has returned.
var given sync.Map

// FreeAddress returns a loopback address on which nothing listens, never the same one twice. Its port is below those that the system gives to outgoing
// connections and to listeners on port 0, so these can't take it meanwhile. Each process looks first in a part that its process ID chooses, so
// processes that run together rarely meet.
func FreeAddress() (string, error) {
	const lowest, parts, ports, tries = 20000, 24, 500, 100
	var failures []error
	for try := range tries {
		port := lowest + os.Getpid()%parts*ports + rand.IntN(ports)
		if try > tries/2 { // most of this part is given
			port = lowest + rand.IntN(parts*ports)
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("free address: %w", err)
		}
		return address, nil
	}
	return "", fmt.Errorf("no free address: %w", errors.Join(failures...))
}
