package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
)

// Internal is the listener for operators.
type Internal struct {
	// Listen is its host:port. Empty means no listener, which Validate refuses.
	Listen string
	// TokenFiles are the files of Tokens. They may change while the process runs.
	TokenFiles []string
	// Tokens are the tokens of the API; nil without TokenFiles.
	Tokens Tokens
	// CertFile and KeyFile are the PEM files for TLS.
	CertFile, KeyFile string
	// Plain allows plain HTTP beyond loopback, behind a proxy that handles TLS.
	Plain bool
	// WebUIURL is the URL of Temporal's Web UI, for links on the page; empty means no links.
	WebUIURL string
	// CodecOrigins are the origins of the web pages that may use the codec server.
	CodecOrigins []string
}

// HTTP returns the configuration of the listener.
func (i Internal) HTTP() internalhttp.Config {
	return internalhttp.Config{CertFile: i.CertFile, KeyFile: i.KeyFile, AnyHost: len(i.TokenFiles) > 0 || !internalhttp.IsLoopback(i.Listen)}
}

func (i Internal) validate(say func(string, ...any)) {
	if _, _, err := net.SplitHostPort(i.Listen); err != nil {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %q: want host:port, such as 127.0.0.1:8081", i.Listen)
		return
	}
	if i.WebUIURL != "" && !absoluteHTTP(i.WebUIURL) {
		say("--web-ui-url (SIGNALBOX_WEB_UI_URL): %q: want an absolute http or https URL without query", redactURL(i.WebUIURL))
	}
	for _, origin := range i.CodecOrigins {
		if u, err := url.Parse(origin); !absoluteHTTP(origin) || err != nil || u.Scheme+"://"+u.Host != origin {
			say("--codec-origins (SIGNALBOX_CODEC_ORIGINS): %q: want an origin as browsers send it, such as https://temporal.example.com", redactURL(origin))
		}
	}
	hasTLS := i.CertFile != "" && i.KeyFile != ""
	switch {
	case (i.CertFile == "") != (i.KeyFile == ""):
		say("--internal-tls-cert and --internal-tls-key (SIGNALBOX_INTERNAL_TLS_CERT, SIGNALBOX_INTERNAL_TLS_KEY): set both or neither")
	case hasTLS && i.Plain:
		say("--internal-plain (SIGNALBOX_INTERNAL_PLAIN): can't be combined with --internal-tls-cert and --internal-tls-key: remove one of them")
	}
	if internalhttp.IsLoopback(i.Listen) {
		return
	}
	if len(i.TokenFiles) == 0 {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %s can be reached from other machines: name a file with tokens by --internal-tokens (SIGNALBOX_INTERNAL_TOKENS), or listen on 127.0.0.1", i.Listen)
	}
	if !hasTLS && !i.Plain {
		say("--internal-listen (SIGNALBOX_INTERNAL_LISTEN): %s can be reached from other machines: set --internal-tls-cert and --internal-tls-key, or --internal-plain behind a proxy that does TLS, or listen on 127.0.0.1", i.Listen)
	}
}

// addInternal reads the token files and checks the certificate of the listener for operators.
func (s Source) addInternal(config *Config, tokenFiles []string) error {
	var mistakes []error
	if len(tokenFiles) > 0 {
		tokens, err := s.ReadTokens(tokenFiles, nil)
		mistakes = append(mistakes, err)
		config.Internal.TokenFiles, config.Internal.Tokens = tokenFiles, tokens
	}
	if i := config.Internal; i.CertFile != "" && i.KeyFile != "" {
		cert, certErr := s.readFile(i.CertFile)
		key, keyErr := s.readFile(i.KeyFile)
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
