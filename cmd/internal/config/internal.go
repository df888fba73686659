package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
)

// Internal is the listener for operators.
type Internal struct {
	// Listen is its host:port; empty, which production refuses: there is none.
	Listen string
	// Tokens let callers in.
	Tokens []internalhttp.Token
	// CertFile and KeyFile are its TLS pair.
	CertFile, KeyFile string
	// Plain allows plain HTTP beyond loopback, behind a proxy that does TLS.
	Plain bool
}

// HTTP is the setting in the listener's own form.
func (i Internal) HTTP() internalhttp.Config {
	return internalhttp.Config{Tokens: i.Tokens, CertFile: i.CertFile, KeyFile: i.KeyFile, AnyHost: !internalhttp.IsLoopback(i.Listen)}
}

func (i Internal) validate(say func(string, ...any)) {
	if _, _, err := net.SplitHostPort(i.Listen); err != nil {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %q: want host:port, such as 127.0.0.1:8081", i.Listen)
		return
	}
	hasTLS := i.CertFile != "" && i.KeyFile != ""
	switch {
	case (i.CertFile == "") != (i.KeyFile == ""):
		say("--internal-tls-cert and --internal-tls-key (SIGNALBOX_INTERNAL_TLS_CERT, SIGNALBOX_INTERNAL_TLS_KEY): set both or neither")
	case hasTLS && i.Plain:
		say("--internal-plain (SIGNALBOX_INTERNAL_PLAIN): leave it out, or leave out --internal-tls-cert and --internal-tls-key: it can't be both")
	}
	if internalhttp.IsLoopback(i.Listen) {
		return
	}
	if len(i.Tokens) == 0 {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %s can be reached from other machines: name a file with tokens by --internal-tokens (SIGNALBOX_INTERNAL_TOKENS), or listen on 127.0.0.1", i.Listen)
	}
	if !hasTLS && !i.Plain {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %s can be reached from other machines: set --internal-tls-cert and --internal-tls-key, or --internal-plain behind a proxy that does TLS, or listen on 127.0.0.1", i.Listen)
	}
}

// addInternal reads the files of the listener for operators.
func (s Source) addInternal(config *Config, tokenFiles []string) error {
	var mistakes []error
	for _, path := range tokenFiles {
		tokens, err := s.tokenFile(path)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("--internal-tokens (SIGNALBOX_INTERNAL_TOKENS): %w", err))
		}
		config.Internal.Tokens = append(config.Internal.Tokens, tokens...)
	}
	names := map[string]string{}
	for _, t := range config.Internal.Tokens {
		if other, seen := names[t.Secret]; seen {
			mistakes = append(mistakes, fmt.Errorf("--internal-tokens (SIGNALBOX_INTERNAL_TOKENS): %q and %q have the same token: give each its own", other, t.Name))
		}
		names[t.Secret] = t.Name
	}
	if i := config.Internal; i.CertFile != "" && i.KeyFile != "" {
		cert, certErr := s.ReadFile(i.CertFile)
		key, keyErr := s.ReadFile(i.KeyFile)
		err := errors.Join(certErr, keyErr)
		if err == nil {
			_, err = tls.X509KeyPair(cert, key)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("--internal-tls-cert and --internal-tls-key (SIGNALBOX_INTERNAL_TLS_CERT, SIGNALBOX_INTERNAL_TLS_KEY): want PEM files of a certificate and its key: %w", err))
		}
	}
	return errors.Join(mistakes...)
}

// tokenFile reads lines `name:token`, or a YAML list whose members have a name and a token. No error repeats a token.
func (s Source) tokenFile(path string) ([]internalhttp.Token, error) {
	text, err := s.textFile(path)
	if err != nil {
		return nil, err
	}
	var tokens []internalhttp.Token
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "[") {
		var list []struct{ Name, Token string }
		decoder := yaml.NewDecoder(strings.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&list); err != nil {
			return nil, fmt.Errorf("%s: want a YAML list whose members have a name and a token", path)
		}
		for _, t := range list {
			tokens = append(tokens, internalhttp.Token{Name: t.Name, Secret: t.Token})
		}
	} else {
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, secret, _ := strings.Cut(line, ":")
			tokens = append(tokens, internalhttp.Token{Name: strings.TrimSpace(name), Secret: strings.TrimSpace(secret)})
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s holds no token: want lines name:token, or a YAML list", path)
	}
	for n, t := range tokens {
		switch {
		case t.Name == "" || t.Secret == "":
			return nil, fmt.Errorf("%s: entry %d: want name:token, or a YAML list whose members have a name and a token", path, n+1)
		case len(t.Secret) < MinToken:
			return nil, fmt.Errorf("%s: the token of %q is shorter than %d characters and could be guessed: `openssl rand -hex 32` makes one", path, t.Name, MinToken)
		case strings.ContainsAny(t.Secret, " \t\n"):
			return nil, fmt.Errorf("%s: the token of %q holds a blank", path, t.Name)
		}
	}
	return tokens, nil
}
