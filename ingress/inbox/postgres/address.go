package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// IsAddress says whether a text means a PostgreSQL database, as opposed to a file.
func IsAddress(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// Redact returns what may be shown of an address: user, host and database. Nothing is shown of one that can't be read, since a
// password with a character out of place may stand anywhere in it.
func Redact(address string) string {
	u, err := read(address)
	if err != nil {
		return "postgres://(unreadable)"
	}
	shown := url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	query := url.Values{}
	for _, name := range []string{"host", "port", "dbname", "user", "sslmode", "search_path"} {
		if u.Query().Has(name) {
			query.Set(name, u.Query().Get(name))
		}
	}
	shown.RawQuery = query.Encode()
	return shown.String()
}

// CheckAddress says what is wrong with an address without showing anything secret of it. It connects to nothing.
func CheckAddress(address string) error {
	_, err := parseAddress(address)
	return err
}

var errAddress = errors.New("want postgres://user:password@host:port/database?sslmode=verify-full, with special characters percent-encoded")

func parseAddress(address string) (*pgxpool.Config, error) {
	u, err := read(address)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(address)
	if err == nil {
		return config, nil
	}
	// The reason is worth telling, the address before it is not.
	reason := errors.Unwrap(err)
	if reason == nil || mentionsSecret(reason.Error(), u) {
		return nil, fmt.Errorf("a parameter can't be used: %w", errAddress)
	}
	return nil, fmt.Errorf("a parameter can't be used: %w", reason)
}

// read refuses what may have a password in the wrong place: one with an unescaped slash, question mark or hash ends what is the
// host then, and puts the at sign behind it.
func read(address string) (*url.URL, error) {
	one, hosts := withOneHost(address)
	u, err := url.Parse(one)
	if err != nil || !IsAddress(address) || strings.Contains(u.Path+u.RawQuery, "@") || u.Fragment != "" {
		// What the parser says would quote the address.
		return nil, fmt.Errorf("not the URL of a PostgreSQL database: %w", errAddress)
	}
	if hosts != "" {
		u.Host = hosts
	}
	return u, nil
}

// withOneHost puts one host in the place of several: PostgreSQL takes a list with commas and ports, which is no URL to others.
func withOneHost(address string) (one, hosts string) {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	if hosts = rest[at:end]; !strings.Contains(hosts, ",") {
		return address, ""
	}
	return scheme + "://" + rest[:at] + "hosts" + rest[end:], hosts
}

// mentionsSecret says whether a text repeats a password of the address, in whatever spelling.
func mentionsSecret(text string, u *url.URL) bool {
	secrets := []string{u.RawQuery, u.User.String()}
	if password, set := u.User.Password(); set {
		secrets = append(secrets, password)
	}
	for name, values := range u.Query() {
		if strings.Contains(strings.ToLower(name), "pass") {
			secrets = append(secrets, values...)
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
