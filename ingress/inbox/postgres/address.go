package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// addressParts are user, password, hosts (PostgreSQL takes several, with commas) with the database, and parameters. An address whose password has
// an unescaped slash, question mark, hash or at sign does not match, because Redact would show a part of the password.
var addressParts = regexp.MustCompile(`^postgres(?:ql)?://(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]*(?:/[^@?#]*)?)(?:\?([^@#]*))?$`)

var errAddress = errors.New("want postgres://user:password@host:port/database?sslmode=verify-full, with special characters percent-encoded")

// IsAddress reports whether s is the URL of a PostgreSQL database and not the path of a file.
func IsAddress(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// Redact returns what may be shown of an address: user, hosts, database and harmless parameters. If the address can't be read, it shows nothing
// of it, since any part may belong to the password.
func Redact(address string) string {
	parts := addressParts.FindStringSubmatch(address)
	if parts == nil {
		return "postgres://(unreadable)"
	}
	parameters, _ := url.ParseQuery(parts[4]) // without what can't be read
	maps.DeleteFunc(parameters, func(name string, _ []string) bool {
		return !strings.Contains(" host port dbname user options passfile search_path sslmode sslrootcert sslcert sslkey target_session_attrs ", " "+name+" ")
	})
	return strings.TrimSuffix("postgres://"+strings.TrimPrefix(parts[1]+"@"+parts[3], "@")+"?"+parameters.Encode(), "?")
}

// CheckAddress returns what is wrong with an address. The error holds no password. It does not connect.
func CheckAddress(address string) error {
	_, err := parseAddress(address)
	return err
}

func parseAddress(address string) (*pgxpool.Config, error) {
	parts := addressParts.FindStringSubmatch(address)
	if parts == nil {
		return nil, fmt.Errorf("not the URL of a PostgreSQL database: %w", errAddress)
	}
	config, err := pgxpool.ParseConfig(address)
	if err == nil {
		return config, nil
	}
	// Show the reason, without the address before it, unless the reason may hold a password.
	reason := cmp.Or(errors.Unwrap(err), errAddress)
	password, _ := url.PathUnescape(parts[2])
	shown := parts[2] != "" && (strings.Contains(reason.Error(), parts[2]) || strings.Contains(reason.Error(), password))
	if shown || strings.Contains(strings.ToLower(parts[4]), "pass") {
		reason = errAddress
	}
	return nil, fmt.Errorf("a part of the address can't be used: %w", reason)
}
