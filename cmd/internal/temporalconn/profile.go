package temporalconn

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// profile is one [profile.NAME] of Temporal's configuration file.
type profile struct {
	Address   string            `toml:"address"`
	Namespace string            `toml:"namespace"`
	APIKey    string            `toml:"api_key"`
	TLS       *tlsSettings      `toml:"tls"`
	GRPCMeta  map[string]string `toml:"grpc_meta"`
}

type tlsSettings struct {
	Disabled                *bool  `toml:"disabled"`
	ClientCertPath          string `toml:"client_cert_path"`
	ClientCertData          string `toml:"client_cert_data"`
	ClientKeyPath           string `toml:"client_key_path"`
	ClientKeyData           string `toml:"client_key_data"`
	ServerCACertPath        string `toml:"server_ca_cert_path"`
	ServerCACertData        string `toml:"server_ca_cert_data"`
	ServerName              string `toml:"server_name"`
	DisableHostVerification bool   `toml:"disable_host_verification"`
}

// parseProfiles leaves alone what it doesn't know: the file is shared with Temporal's other tools.
func parseProfiles(text []byte) (map[string]profile, error) {
	var file struct {
		Profile map[string]profile `toml:"profile"`
	}
	if err := toml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("not valid TOML: %w", err)
	}
	return file.Profile, nil
}

// overlay puts the environment on top of the profile and returns what it could not read.
func (p *profile) overlay(env map[string]string) []error {
	var mistakes []error
	text := func(name string, into *string) {
		if v, set := env[name]; set {
			*into = v
		}
	}
	flag := func(name string, into func(bool)) {
		v, set := env[name]
		if !set {
			return
		}
		b, err := strconv.ParseBool(v)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %q is neither true nor false", name, v))
			return
		}
		into(b)
	}
	text("TEMPORAL_ADDRESS", &p.Address)
	text("TEMPORAL_NAMESPACE", &p.Namespace)
	text("TEMPORAL_API_KEY", &p.APIKey)

	// A new struct, not the profile's own: it is filled in only where a TLS variable is set.
	t := tlsSettings{}
	if p.TLS != nil {
		t = *p.TLS
	}
	before := t
	flag("TEMPORAL_TLS", func(on bool) { off := !on; t.Disabled = &off })
	text("TEMPORAL_TLS_CLIENT_CERT_PATH", &t.ClientCertPath)
	text("TEMPORAL_TLS_CLIENT_CERT_DATA", &t.ClientCertData)
	text("TEMPORAL_TLS_CLIENT_KEY_PATH", &t.ClientKeyPath)
	text("TEMPORAL_TLS_CLIENT_KEY_DATA", &t.ClientKeyData)
	text("TEMPORAL_TLS_SERVER_CA_CERT_PATH", &t.ServerCACertPath)
	text("TEMPORAL_TLS_SERVER_CA_CERT_DATA", &t.ServerCACertData)
	text("TEMPORAL_TLS_SERVER_NAME", &t.ServerName)
	flag("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", func(off bool) { t.DisableHostVerification = off })
	if t != before || p.TLS != nil {
		p.TLS = &t
	}

	const meta = "TEMPORAL_GRPC_META_"
	merged := maps.Clone(p.GRPCMeta)
	for name, value := range env {
		if key, isMeta := strings.CutPrefix(name, meta); isMeta {
			if merged == nil {
				merged = make(map[string]string)
			}
			merged[metaKey(key)] = value
		}
	}
	p.GRPCMeta = merged
	return mistakes
}

func (p *profile) usesTLS() bool {
	switch {
	case p.TLS != nil && p.TLS.Disabled != nil:
		return !*p.TLS.Disabled
	case p.TLS != nil:
		return true
	case p.APIKey != "":
		p.TLS = &tlsSettings{}
		return true
	}
	return false
}

// metaKey turns SOME_KEY into gRPC's some-key.
func metaKey(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

type headers map[string]string

// GetHeaders is what the SDK asks for with every call.
func (h headers) GetHeaders(context.Context) (map[string]string, error) { return h, nil }
