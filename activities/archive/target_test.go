package archive

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
	"github.com/signalbox-dev/signalbox/workflows"
)

func strict(c *Config) { c.AllowPrivate = false }

func TestADownloadFromAPrivateAddressIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("the crown jewels"), strict)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		w.provider.url = strings.Replace(w.cdn.URL, "127.0.0.1", host, 1) + "/?sig=" + secret
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
		require.ErrorContains(t, err, "--download-allow-private")
	}
	for _, host := range []string{"10.0.0.1", "192.168.0.1", "169.254.169.254", "[fd00:ec2::254]", "[::1]", "100.100.100.200"} {
		w.provider.url = "http://" + host + "/latest/meta-data?sig=" + secret
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
	}
	require.Zero(t, w.served.Load())
	require.Empty(t, keys(t, w.objects))
}

// asIfPublic makes the file server's address count as public.
func asIfPublic(w *world) {
	dialer := &net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		if address == w.cdn.Listener.Addr().String() {
			return nil
		}
		return publicnet.Control(network, address, c)
	}}
	w.transport.DialContext = dialer.DialContext
}

func TestARedirectToAPrivateAddressIsRefused(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	inside := httptest.NewUnstartedServer(serve("the crown jewels"))
	inside.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	inside.Start()
	t.Cleanup(inside.Close)

	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(rw, r, inside.URL+"/?sig="+secret, http.StatusFound)
		case "/twice":
			http.Redirect(rw, r, "/inside", http.StatusTemporaryRedirect)
		case "/file":
			serve("a W-9 form")(rw, r)
		default:
			http.Redirect(rw, r, "/file", http.StatusSeeOther)
		}
	}, strict)
	asIfPublic(w)
	for _, path := range []string{"/inside", "/twice"} {
		w.provider.url = w.cdn.URL + path + "?sig=" + secret
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
	}
	require.Zero(t, connections.Load(), "refused before a connection was made")

	w.provider.url = w.cdn.URL + "/elsewhere?sig=" + secret
	_, err := storeAttachment(t, w)
	require.NoError(t, err, "a redirect to a public address is followed")
}

// The owner of a name decides the address to which it resolves, and may change it at any time.
func TestANameThatResolvesToAPrivateAddressIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("the crown jewels"), strict)
	for _, address := range []string{"10.0.0.7", "127.0.0.1", "169.254.169.254"} {
		resolver := resolveAllTo(t, address)
		w.transport.DialContext = (&net.Dialer{Control: publicnet.Control, Resolver: resolver}).DialContext
		w.provider.url = "http://files.example.test/?sig=" + secret
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
		require.ErrorContains(t, err, "address is not public")
	}
}

func TestOnlyHTTPSIsFollowedUnlessAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.AllowPlainHTTP = false })
	for _, url := range []string{w.cdn.URL + "/?sig=" + secret, "ftp://files.example.test/" + secret, "file:///etc/" + secret, "//files.example.test/" + secret} {
		w.provider.url = url
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
	}
	require.Zero(t, w.served.Load())

	// A redirect from HTTPS to HTTP is refused too.
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(rw, r, w.cdn.URL, http.StatusFound)
			return
		}
		serve("a W-9 form")(rw, r)
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	w.provider.url = secure.URL + "/?sig=" + secret
	_, err := storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)
	require.ErrorContains(t, err, "certificate is not trusted")

	w.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	w.transport.TLSClientConfig.RootCAs.AddCert(secure.Certificate())
	w.provider.url = secure.URL + "/down?sig=" + secret
	_, err = storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveTargetRefused, true)
	require.ErrorContains(t, err, "--download-allow-http")
	require.Zero(t, w.served.Load())

	w.provider.url = secure.URL + "/?sig=" + secret
	_, err = storeAttachment(t, w)
	require.NoError(t, err)
}

// resolveAllTo is a resolver whose one name server says that every name is at address.
func resolveAllTo(t *testing.T, address string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		answerQuestions(server, [4]byte(net.ParseIP(address).To4()))
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// answerQuestions implements DNS for one question (RFC 1035, 4.1): it repeats the question and appends the answer.
func answerQuestions(server net.PacketConn, address [4]byte) {
	const header = 12
	packet := make([]byte, 1500)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		endOfName := bytes.IndexByte(packet[header:n], 0)
		end := header + endOfName + 5
		if endOfName < 0 || end > n {
			continue
		}
		reply := bytes.Clone(packet[:end])
		reply[2], reply[3] = 0x81, 0x80 // a response, without an error
		copy(reply[6:header], make([]byte, 6))
		if isA := packet[end-3] == 1; isA {
			reply[7] = 1                                                      // one answer
			reply = append(reply, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4) // the same name, A, IN, for one second, four bytes
			reply = append(reply, address[:]...)
		}
		_, _ = server.WriteTo(reply, from)
	}
}
