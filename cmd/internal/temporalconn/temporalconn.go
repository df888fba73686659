// Package temporalconn says how to reach Temporal, from the variables and the profile file that Temporal's own tools use: a local
// server, a self-hosted one with mTLS, or Temporal Cloud with an API key.
//
// Temporal documents them under "Environment configuration": TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE choose a profile, and
// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS and TEMPORAL_TLS_…, TEMPORAL_GRPC_META_… go before what it says.
package temporalconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.temporal.io/sdk/client"
)

// Defaults where neither the environment nor a profile says otherwise.
const (
	DefaultAddress   = "localhost:7233"
	DefaultNamespace = "default"
)

// Source is where the settings are read from: a test brings its own.
type Source struct {
	// Environ is a list of NAME=value, as os.Environ returns it.
	Environ []string
	// ReadFile reads the profile file and the PEM files.
	ReadFile func(path string) ([]byte, error)
	// ConfigDir is the user's configuration folder, below which the default profile file stands. Empty: there is none.
	ConfigDir string
}

// Options are the client options of the chosen profile with the environment on top. All mistakes are reported at once, by the name of
// the variable.
func (s Source) Options() (client.Options, error) {
	env := s.variables()
	p, err := s.profile(env)
	if err != nil {
		return client.Options{}, err
	}
	mistakes := p.overlay(env)

	options := client.Options{HostPort: p.Address, Namespace: p.Namespace}
	if options.HostPort == "" {
		options.HostPort = DefaultAddress
	}
	if options.Namespace == "" {
		options.Namespace = DefaultNamespace
	}
	if len(p.GRPCMeta) > 0 {
		options.HeadersProvider = headers(p.GRPCMeta)
	}
	// Temporal's rule: an API key means TLS unless it is switched off.
	if p.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(p.APIKey)
	}
	if p.usesTLS() {
		config, err := p.TLS.config(s.ReadFile)
		mistakes = append(mistakes, err)
		options.ConnectionOptions.TLS = config
	}
	if err := errors.Join(mistakes...); err != nil {
		return client.Options{}, fmt.Errorf("temporal connection: %w", err)
	}
	return options, nil
}

func (s Source) variables() map[string]string {
	env := make(map[string]string)
	for _, entry := range s.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "TEMPORAL_") && value != "" {
			env[name] = value
		}
	}
	return env
}

// profile reads the chosen profile. A file or profile that was asked for must be there; the default ones need not.
func (s Source) profile(env map[string]string) (profile, error) {
	path, pathAsked := env["TEMPORAL_CONFIG_FILE"]
	name, nameAsked := env["TEMPORAL_PROFILE"]
	if !nameAsked {
		name = "default"
	}
	if !pathAsked {
		if s.ConfigDir == "" {
			return profile{}, nil
		}
		path = filepath.Join(s.ConfigDir, "temporalio", "temporal.toml")
	}
	text, err := s.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !pathAsked && !nameAsked:
		return profile{}, nil
	case err != nil:
		return profile{}, fmt.Errorf("temporal connection: read profile file (TEMPORAL_CONFIG_FILE): %w", err)
	}
	profiles, err := parseProfiles(text)
	if err != nil {
		return profile{}, fmt.Errorf("temporal connection: profile file %s: %w", path, err)
	}
	p, found := profiles[name]
	if !found && nameAsked {
		return profile{}, fmt.Errorf("temporal connection: profile file %s has no profile %q (TEMPORAL_PROFILE)", path, name)
	}
	return p, nil
}

func (t tlsSettings) config(readFile func(string) ([]byte, error)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	// Asked for by name in Temporal's own configuration; it is for test servers.
	config.InsecureSkipVerify = t.DisableHostVerification

	cert, certErr := pem("TEMPORAL_TLS_CLIENT_CERT", t.ClientCertData, t.ClientCertPath, readFile)
	key, keyErr := pem("TEMPORAL_TLS_CLIENT_KEY", t.ClientKeyData, t.ClientKeyPath, readFile)
	ca, caErr := pem("TEMPORAL_TLS_SERVER_CA_CERT", t.ServerCACertData, t.ServerCACertPath, readFile)
	if err := errors.Join(certErr, keyErr, caErr); err != nil {
		return nil, err
	}
	switch {
	case (cert == nil) != (key == nil):
		return nil, errors.New("TEMPORAL_TLS_CLIENT_CERT_… and TEMPORAL_TLS_CLIENT_KEY_…: set both or neither")
	case cert != nil:
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_… and TEMPORAL_TLS_CLIENT_KEY_…: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if ca != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("TEMPORAL_TLS_SERVER_CA_CERT_…: no PEM certificate in it")
		}
	}
	return config, nil
}

// pem is the content of one of Temporal's pairs …_DATA and …_PATH; nil where neither is set.
func pem(variable, data, path string, readFile func(string) ([]byte, error)) ([]byte, error) {
	switch {
	case data != "" && path != "":
		return nil, fmt.Errorf("%s_DATA and %s_PATH: set only one of them", variable, variable)
	case data != "":
		return []byte(data), nil
	case path != "":
		b, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_PATH: %w", variable, err)
		}
		return b, nil
	}
	return nil, nil
}
