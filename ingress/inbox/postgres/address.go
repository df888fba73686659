package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// addressParts are user, password, hosts (PostgreSQL takes several, with commas), database and parameters. A password with an
// unescaped slash, question mark, hash or at sign does not fit: a part of it would stand where it is shown.
var addressParts = regexp.MustCompile(`^postgres(?:ql)?://(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]*)(/[^@?#]*)?(?:\?([^@#]*))?$`)

var errAddress = errors.New("want postgres://user:password@host:port/database?sslmode=verify-full, with special characters percent-encoded")

// IsAddress says whether a text means a PostgreSQL database, as opposed to a file.
func IsAddress(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// Redact returns what may be shown of an address: user, hosts, database and harmless parameters. Nothing is shown of one that can't be
// read, since a password with a character out of place may stand anywhere in it.
func Redact(address string) string {
	parts, parameters, err := read(address)
	if err != nil {
		return "postgres://(unreadable)"
	}
	shown := url.URL{Scheme: "postgres", Host: parts[3], Path: parts[4]}
	if parts[1] != "" {
		shown.User = url.User(parts[1])
	}
	for name := range parameters {
		if !slices.Contains([]string{"host", "port", "dbname", "user", "sslmode", "search_path"}, name) {
			parameters.Del(name)
		}
	}
	shown.RawQuery = parameters.Encode()
	return shown.String()
}

// CheckAddress says what is wrong with an address without showing anything secret of it. It connects to nothing.
func CheckAddress(address string) error {
	_, err := parseAddress(address)
	return err
}

func parseAddress(address string) (*pgxpool.Config, error) {
	parts, parameters, err := read(address)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(address)
	if err == nil {
		return config, nil
	}
	// The reason is worth telling, the address before it is not.
	reason, secrets := errors.Unwrap(err), []string{parts[2]}
	for name, values := range parameters {
		if strings.Contains(strings.ToLower(name), "pass") {
			secrets = append(secrets, values...)
		}
	}
	if reason == nil || slices.ContainsFunc(secrets, func(s string) bool { return s != "" && strings.Contains(reason.Error(), s) }) {
		reason = errAddress
	}
	return nil, fmt.Errorf("a parameter can't be used: %w", reason)
}

// read returns the parts of an address, unescaped, from 1 on.
func read(address string) (parts []string, parameters url.Values, err error) {
	if parts = addressParts.FindStringSubmatch(address); parts == nil {
		return nil, nil, fmt.Errorf("not the URL of a PostgreSQL database: %w", errAddress)
	}
	parameters, err = url.ParseQuery(parts[5])
	for i := 1; i < 5 && err == nil; i++ {
		parts[i], err = url.PathUnescape(parts[i])
	}
	if err != nil { // it would quote the address
		return nil, nil, fmt.Errorf("an escape can't be read: %w", errAddress)
	}
	return parts, parameters, nil
}
