// Package temporalconn reads the settings of the connection to Temporal with the SDK's envconfig, like Temporal's own tools: from variables
// TEMPORAL_… and a profile file. Temporal documents them under "Environment configuration".
//
// It adds checks that envconfig lacks: a named file or profile must exist, and a switch must be true or false. It reports the mistakes of the
// switches and of the PEM files together, each with the name of its variable.
package temporalconn

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// Source is the environment and the files from which settings are read.
type Source struct {
	// Environ is a list of NAME=value, as os.Environ returns it.
	Environ []string
	// ReadFile reads the profile file and the PEM files.
	ReadFile func(path string) ([]byte, error)
	// ConfigDir is the user's configuration folder, which may contain the default profile file; empty for none.
	ConfigDir string
}

// Options returns the client options. A variable overrides the profile.
func (s Source) Options() (client.Options, error) {
	options, err := s.options()
	if err != nil {
		return client.Options{}, fmt.Errorf("temporal connection: %w", err)
	}
	return options, nil
}

func (s Source) options() (client.Options, error) {
	env := s.variables()
	file, err := s.profileFile(env)
	if err != nil {
		return client.Options{}, err
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileData: file, DisableFile: len(file) == 0, EnvLookup: env,
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("profile file (TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE): %w", err)
	}
	profile.Address = cmp.Or(profile.Address, client.DefaultHostPort)
	profile.Namespace = cmp.Or(profile.Namespace, client.DefaultNamespace)
	mistakes := []error{env.checkSwitch("TEMPORAL_TLS"), env.checkSwitch("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION")}
	if profile.TLS != nil && !profile.TLS.Disabled {
		mistakes = append(mistakes, s.readPEM(profile.TLS))
	}
	if err := errors.Join(mistakes...); err != nil {
		return client.Options{}, err
	}
	return profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
}

// environment gives variables to envconfig. An empty variable counts as not set, except for gRPC metadata, where it removes the profile's value.
type environment []string

func (e environment) Environ() []string { return e }

func (e environment) LookupEnv(name string) (string, bool) {
	for _, entry := range e {
		if value, found := strings.CutPrefix(entry, name+"="); found && value != "" {
			return value, true
		}
	}
	return "", false
}

// checkSwitch fails for a value that envconfig does not know: envconfig would ignore it.
func (e environment) checkSwitch(name string) error {
	value, set := e.LookupEnv(name)
	switch strings.ToLower(value) {
	case "1", "0", "true", "false":
		return nil
	}
	if !set {
		return nil
	}
	return fmt.Errorf("%s: %q is neither true nor false", name, value)
}

func (s Source) variables() environment {
	var env environment
	for _, entry := range s.Environ {
		if strings.HasPrefix(entry, "TEMPORAL_") {
			env = append(env, entry)
		}
	}
	return env
}

// profileFile returns the content of the profile file. A named file must exist; so must the default file if a profile is named.
func (s Source) profileFile(env environment) ([]byte, error) {
	path, pathAsked := env.LookupEnv("TEMPORAL_CONFIG_FILE")
	name, nameAsked := env.LookupEnv("TEMPORAL_PROFILE")
	if !pathAsked {
		if s.ConfigDir == "" {
			if nameAsked {
				return nil, fmt.Errorf("TEMPORAL_PROFILE: there is no profile file for %q: set TEMPORAL_CONFIG_FILE to its path", name)
			}
			return nil, nil
		}
		path = filepath.Join(s.ConfigDir, "temporalio", "temporal.toml")
	}
	text, err := s.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !pathAsked && !nameAsked:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read profile file (TEMPORAL_CONFIG_FILE): %w", err)
	}
	var known envconfig.ClientConfig
	if err := known.FromTOML(text, envconfig.ClientConfigFromTOMLOptions{}); err != nil {
		return nil, fmt.Errorf("profile file %s: not valid TOML: %w", path, err)
	}
	if nameAsked && known.Profiles[name] == nil {
		return nil, fmt.Errorf("profile file %s has no profile %q (TEMPORAL_PROFILE)", path, name)
	}
	return text, nil
}

// readPEM replaces the paths of PEM files by their content. It checks mistakes that envconfig would report without the name of the variable.
func (s Source) readPEM(t *envconfig.ClientConfigTLS) error {
	var mistakes []error
	for _, pem := range []struct {
		variable string
		data     *[]byte
		path     *string
	}{
		{"TEMPORAL_TLS_CLIENT_CERT", &t.ClientCertData, &t.ClientCertPath},
		{"TEMPORAL_TLS_CLIENT_KEY", &t.ClientKeyData, &t.ClientKeyPath},
		{"TEMPORAL_TLS_SERVER_CA_CERT", &t.ServerCACertData, &t.ServerCACertPath},
	} {
		switch {
		case *pem.path == "":
		case len(*pem.data) > 0:
			mistakes = append(mistakes, fmt.Errorf("%s_DATA and %s_PATH: set only one of them", pem.variable, pem.variable))
		default:
			content, err := s.ReadFile(*pem.path)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s_PATH: %w", pem.variable, err))
			}
			*pem.data, *pem.path = content, ""
		}
	}
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	if (len(t.ClientCertData) == 0) != (len(t.ClientKeyData) == 0) {
		mistakes = append(mistakes, errors.New("TEMPORAL_TLS_CLIENT_CERT_… and TEMPORAL_TLS_CLIENT_KEY_…: set both or neither"))
	} else if len(t.ClientCertData) > 0 {
		if _, err := tls.X509KeyPair(t.ClientCertData, t.ClientKeyData); err != nil {
			mistakes = append(mistakes, fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_… and TEMPORAL_TLS_CLIENT_KEY_…: %w", err))
		}
	}
	if len(t.ServerCACertData) > 0 && !x509.NewCertPool().AppendCertsFromPEM(t.ServerCACertData) {
		mistakes = append(mistakes, errors.New("TEMPORAL_TLS_SERVER_CA_CERT_…: it has no certificate in PEM form"))
	}
	return errors.Join(mistakes...)
}
