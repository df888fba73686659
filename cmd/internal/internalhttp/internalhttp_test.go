package internalhttp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// serve runs a listener until the test ends and returns its host:port.
func serve(t *testing.T, config internalhttp.Config, collectors ...prometheus.Collector) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, listener, config, zap.NewNop(), collectors...)
	return listener.Addr().String()
}

func serveOn(t *testing.T, listener net.Listener, config internalhttp.Config, log *zap.Logger, collectors ...prometheus.Collector) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors...)
	board, err := health.New(nil, registry, zap.NewNop(), time.Now)
	require.NoError(t, err)
	server, err := internalhttp.New(config, board, registry, log)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
}

func get(t *testing.T, address, path, host, authorization string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	require.NoError(t, err)
	request.Host = host
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestOnLoopbackWithoutTokensTheHostMustBeLoopback(t *testing.T) {
	t.Parallel()
	address := serve(t, internalhttp.Config{})
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for host, status := range map[string]int{
		address: 200, "localhost:" + port: 200, "LOCALHOST": 200, "[::1]:" + port: 200, "127.8.9.10": 200,
		"evil.example": 421, "evil.example:" + port: 421, "localhost.evil.example": 421, "10.0.0.1:" + port: 421, "127.0.0.1.evil.example": 421,
	} {
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			require.Equal(t, status, get(t, address, path, host, ""), "%s as %s", path, host)
		}
	}
}

// waiting is an API with a call that ends by Stop.
type waiting struct {
	arrived, stopped chan struct{}
}

func (a waiting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/wait" {
		close(a.arrived)
		<-a.stopped
	}
	w.WriteHeader(http.StatusTeapot)
}

func (a waiting) Stop() { close(a.stopped) }

// counted counts the calls of Accept.
type counted struct {
	net.Listener
	accepts atomic.Int64
}

func (c *counted) Accept() (net.Conn, error) {
	c.accepts.Add(1)
	return c.Listener.Accept()
}

func TestConnectionsBeyondTheMostWait(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := &counted{Listener: inner}
	serveOn(t, listener, internalhttp.Config{MaxConnections: 1}, zap.NewNop())
	address := inner.Addr().String()
	kept := &http.Client{Transport: &http.Transport{}}
	for range 100 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
		require.NoError(t, err)
		response, err := kept.Do(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()))
	}
	require.EqualValues(t, 1, listener.accepts.Load(), "the next connection is not taken while this one is open")
	kept.CloseIdleConnections()
	require.Equal(t, 200, get(t, address, "/healthz", address, ""))
}

// stopped is a clock for logs.
type stopped struct{ at time.Time }

func (s stopped) Now() time.Time                       { return s.at }
func (stopped) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func TestFailedHandshakesDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	config := internalhttp.Config{CertFile: filepath.Join(folder, "cert.pem"), KeyFile: filepath.Join(folder, "key.pem")}
	cert, key := selfSigned(t, "name")
	require.NoError(t, os.WriteFile(config.CertFile, cert, 0o600))
	require.NoError(t, os.WriteFile(config.KeyFile, key, 0o600))
	core, logs := observer.New(zap.DebugLevel)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, listener, config, zap.New(core, zap.WithClock(stopped{time.Now()})))
	for range 50 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = conn.Write([]byte("no handshake"))
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, conn) // ends after the line was written
		require.NoError(t, conn.Close())
	}
	lines := logs.TakeAll()
	require.Len(t, lines, 10)
	require.Contains(t, lines[0].ContextMap()["cause"], "TLS handshake error")
}

func TestTheAPIIsUnderV1AndAStopEndsItsWaitingCalls(t *testing.T) {
	t.Parallel()
	api := waiting{make(chan struct{}), make(chan struct{})}
	address := serve(t, internalhttp.Config{API: api})
	for path, status := range map[string]int{"/v1": 418, "/v1/": 418, "/v1/a%2Fb": 418, "/v1/a%2F%2Fb": 418, "/v2": 404, "/": 404} {
		require.Equal(t, status, get(t, address, path, address, ""), path)
	}
	require.Equal(t, 421, get(t, address, "/v1", "evil.example", ""))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	_, err = conn.Write([]byte("GET /v1/wait HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	<-api.arrived // the listener stops at the end of the test, and would be cut without the API's Stop
}

func TestThePageAnswersAllOtherPaths(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	address := serve(t, internalhttp.Config{Page: page})
	for path, status := range map[string]int{"/": 418, "/cases/a": 418, "/healthz": 200, "/readyz": 200, "/metrics": 200} {
		require.Equal(t, status, get(t, address, path, address, ""), path)
	}
	require.Equal(t, 421, get(t, address, "/", "evil.example", ""), "a name that someone else resolves to this machine")
}

// broken is a collector whose source is away.
type broken struct{ desc *prometheus.Desc }

func (b broken) Describe(descs chan<- *prometheus.Desc) { descs <- b.desc }
func (b broken) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.NewInvalidMetric(b.desc, errors.New("away"))
}

func TestAScrapeLeavesOutUnreadableMetrics(t *testing.T) {
	t.Parallel()
	address := serve(t, internalhttp.Config{}, broken{prometheus.NewDesc("x", "x", nil, nil)}, prometheus.NewGauge(prometheus.GaugeOpts{Name: "y"}))
	require.Equal(t, 200, get(t, address, "/metrics", address, ""))
}

func TestAReplacedCertificateIsUsedUnlessItIsBroken(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	config := internalhttp.Config{CertFile: filepath.Join(folder, "cert.pem"), KeyFile: filepath.Join(folder, "key.pem")}
	age := time.Now().Add(-time.Hour)
	write := func(name string) {
		cert, key := selfSigned(t, name)
		for path, content := range map[string][]byte{config.CertFile: cert, config.KeyFile: key} {
			require.NoError(t, os.WriteFile(path, content, 0o600))
			require.NoError(t, os.Chtimes(path, age, age))
		}
		age = age.Add(time.Minute)
	}
	write("first")
	address := serve(t, config)
	shown := func() string {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	require.Equal(t, "first", shown())
	write("second")
	require.Equal(t, "second", shown())
	require.NoError(t, os.WriteFile(config.CertFile, []byte("nothing"), 0o600))
	require.Equal(t, "second", shown())
	write("third")
	require.Equal(t, "third", shown())
}

func selfSigned(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}
