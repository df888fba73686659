package config

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Callback is a receiver of notices. Only the configuration has its URL and secrets: the start of a case can name a callback, but no address.
type Callback struct {
	URL string
	// Secrets sign each notice, in the form of Standard Webhooks: "whsec_" and 24 to 64 bytes in base64. During a rotation there are two.
	Secrets []string
	// AllowPrivate allows a private address, AllowHTTP an unencrypted URL.
	AllowPrivate, AllowHTTP bool
}

const (
	secretPrefix = "whsec_"
	// The limits of Standard Webhooks, in bytes.
	minSigningKey, maxSigningKey = 24, 64
	// maxSecrets bounds the signatures in one header.
	maxSecrets = 10
)

func (c Config) validateNotices(say func(string, ...any)) {
	for name, callback := range sorted(c.Callbacks) {
		if err := workflows.ValidateNotify([]string{name}); err != nil {
			say("callbacks.%.80s: the name must have 1 to 64 characters of A-Z a-z 0-9 . _ -", name)
		}
		if problem := callback.URLProblem(); problem != "" {
			say("callbacks.%s.url: %s", name, problem)
		}
		if n := len(callback.Secrets); n == 0 || n > maxSecrets {
			say("callbacks.%s: %d secrets: set 1 to %d in secrets or secretFiles; `echo \"whsec_$(openssl rand -base64 32)\"` makes one", name, n, maxSecrets)
		}
		for i, secret := range callback.Secrets {
			if problem := signingKeyProblem(secret); problem != "" {
				say("callbacks.%s: secret %d: %s", name, i+1, problem)
			}
		}
	}
	for name, account := range sorted(c.Accounts) {
		c.validateNotify("accounts."+name, account.Notify, say)
	}
	for name, agent := range sorted(c.Agents) {
		c.validateNotify("agents."+name, agent.Notify, say)
		if agent.HandOver == nil {
			continue
		}
		if err := agent.HandOver.Validate(); err != nil {
			say("agents.%s: %w", name, err)
		}
		if err := workflows.ValidateHandOverAgent(name); err != nil {
			say("agents.%s.handOver: %w", name, err)
		}
	}
}

func (c Config) validateNotify(setting string, names []string, say func(string, ...any)) {
	if err := workflows.ValidateNotify(names); err != nil {
		say("%s: %w", setting, err)
	}
	for _, name := range names {
		if _, known := c.Callbacks[name]; !known {
			say("%s.notify: no callback %q is configured (configured: %s): add it to callbacks, or name one that is configured", setting, name,
				cmp.Or(strings.Join(slices.Sorted(maps.Keys(c.Callbacks)), ", "), "none"))
		}
	}
}

// URLProblem returns what is wrong with the URL, or "". It does not contain the URL, which may hold a token.
func (c Callback) URLProblem() string {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return "missing: set it"
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(c.URL, unicode.IsSpace):
		return "want an absolute URL, such as https://finance.example.com/signalbox"
	case u.Scheme == "http" && !c.AllowHTTP:
		return "unencrypted: use https, or set allowHTTP"
	case u.User != nil:
		return "has credentials: remove them, the receiver verifies the signature"
	case u.Fragment != "":
		return "has a fragment (#…): remove it"
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !c.AllowPrivate && !publicnet.Public(ip) {
		return "private address: use a public one, or set allowPrivate"
	}
	return ""
}

func signingKeyProblem(secret string) string {
	if problem := secretProblem(secret); problem != "" { // DecodeString skips line ends
		return problem
	}
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case !found:
		return "does not begin with whsec_: use a secret in the form of Standard Webhooks"
	case err != nil:
		return "the part after whsec_ is not base64"
	case len(key) < minSigningKey || len(key) > maxSigningKey:
		return fmt.Sprintf("has %d bytes, want %d to %d", len(key), minSigningKey, maxSigningKey)
	}
	return ""
}
