package temporalconn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/temporalconn"
)

func source(files map[string]string, environ ...string) temporalconn.Source {
	return temporalconn.Source{
		Environ:   environ,
		ConfigDir: "/home/someone/.config",
		ReadFile: func(path string) ([]byte, error) {
			text, found := files[path]
			if !found {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		},
	}
}

const defaultFile = "/home/someone/.config/temporalio/temporal.toml"

func TestWithoutSettingsTheLocalServerIsUsed(t *testing.T) {
	t.Parallel()
	got, err := source(nil).Options()
	require.NoError(t, err)
	require.Equal(t, "localhost:7233", got.HostPort)
	require.Equal(t, "default", got.Namespace)
	require.Nil(t, got.ConnectionOptions.TLS)
	require.Nil(t, got.Credentials)
}

func TestTheEnvironmentOverridesTheProfile(t *testing.T) {
	t.Parallel()
	files := map[string]string{defaultFile: `
[profile.default]
address = "profile:7233"
namespace = "from-profile"
[profile.default.grpc_meta]
some-key = "a"
other-key = "b"
[profile.staging]
address = "staging:7233"
unknown_field = 1
`}
	got, err := source(files, "TEMPORAL_ADDRESS=env:7233", "TEMPORAL_GRPC_META_SOME_KEY=c").Options()
	require.NoError(t, err)
	require.Equal(t, "env:7233", got.HostPort)
	require.Equal(t, "from-profile", got.Namespace)
	headers, err := got.HeadersProvider.GetHeaders(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"some-key": "c", "other-key": "b"}, headers)

	got, err = source(files, "TEMPORAL_PROFILE=staging").Options()
	require.NoError(t, err)
	require.Equal(t, "staging:7233", got.HostPort)
	require.Equal(t, "default", got.Namespace)
}

func TestAnAPIKeyMeansTLSUnlessItIsSwitchedOff(t *testing.T) {
	t.Parallel()
	got, err := source(nil, "TEMPORAL_API_KEY=secret").Options()
	require.NoError(t, err)
	require.NotNil(t, got.Credentials)
	require.NotNil(t, got.ConnectionOptions.TLS)

	got, err = source(nil, "TEMPORAL_API_KEY=secret", "TEMPORAL_TLS=false").Options()
	require.NoError(t, err)
	require.NotNil(t, got.Credentials)
	require.Nil(t, got.ConnectionOptions.TLS)
	require.True(t, got.ConnectionOptions.TLSDisabled, "or the SDK would turn it on for the key")

	got, err = source(nil, "TEMPORAL_CLIENT_AUTHORITY=temporal.example").Options()
	require.NoError(t, err)
	require.Equal(t, "temporal.example", got.ConnectionOptions.Authority)

	got, err = source(nil, "TEMPORAL_TLS=true", "TEMPORAL_TLS_SERVER_NAME=temporal.internal").Options()
	require.NoError(t, err)
	require.Equal(t, "temporal.internal", got.ConnectionOptions.TLS.ServerName)
}

func TestMutualTLSReadsItsPairFromFilesOrVariables(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	for name, environ := range map[string][]string{
		"files":     {"TEMPORAL_TLS_CLIENT_CERT_PATH=/c.pem", "TEMPORAL_TLS_CLIENT_KEY_PATH=/k.pem", "TEMPORAL_TLS_SERVER_CA_CERT_PATH=/c.pem"},
		"variables": {"TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert, "TEMPORAL_TLS_CLIENT_KEY_DATA=" + key, "TEMPORAL_TLS_SERVER_CA_CERT_DATA=" + cert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := source(map[string]string{"/c.pem": cert, "/k.pem": key}, environ...).Options()
			require.NoError(t, err)
			require.Len(t, got.ConnectionOptions.TLS.Certificates, 1)
			require.NotNil(t, got.ConnectionOptions.TLS.RootCAs)
		})
	}
}

func TestMistakesNameTheVariable(t *testing.T) {
	t.Parallel()
	cert, _ := selfSigned(t)
	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"profile file that was asked for": {[]string{"TEMPORAL_CONFIG_FILE=/none.toml"}, []string{"TEMPORAL_CONFIG_FILE"}},
		"profile that was asked for":      {[]string{"TEMPORAL_CONFIG_FILE=/empty.toml", "TEMPORAL_PROFILE=prod"}, []string{"TEMPORAL_PROFILE", `"prod"`}},
		"broken file":                     {[]string{"TEMPORAL_CONFIG_FILE=/broken.toml"}, []string{"/broken.toml"}},
		"flag":                            {[]string{"TEMPORAL_TLS=maybe"}, []string{"TEMPORAL_TLS", "maybe"}},
		"other flag":                      {[]string{"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION=yes"}, []string{"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "yes"}},
		"half a pair":                     {[]string{"TEMPORAL_TLS_CLIENT_CERT_DATA=" + cert}, []string{"TEMPORAL_TLS_CLIENT_KEY"}},
		"data and path":                   {[]string{"TEMPORAL_TLS_SERVER_CA_CERT_DATA=x", "TEMPORAL_TLS_SERVER_CA_CERT_PATH=y"}, []string{"TEMPORAL_TLS_SERVER_CA_CERT_DATA"}},
		"missing key file":                {[]string{"TEMPORAL_TLS_CLIENT_KEY_PATH=/none.pem"}, []string{"TEMPORAL_TLS_CLIENT_KEY_PATH"}},
		"not PEM":                         {[]string{"TEMPORAL_TLS_SERVER_CA_CERT_DATA=x"}, []string{"TEMPORAL_TLS_SERVER_CA_CERT"}},
		"several at once":                 {[]string{"TEMPORAL_TLS=maybe", "TEMPORAL_TLS_SERVER_CA_CERT_DATA=x"}, []string{"TEMPORAL_TLS: ", "TEMPORAL_TLS_SERVER_CA_CERT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := source(map[string]string{"/empty.toml": "", "/broken.toml": "["}, c.environ...).Options()
			require.Error(t, err)
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<33, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
}
