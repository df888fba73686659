package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
)

var (
	// ErrBackupFile says that the named file can't be written; an existing one is not overwritten.
	ErrBackupFile = errors.New("no backup is written there")
	// errNoDump says that the machine lacks the program that PostgreSQL brings for backups.
	errNoDump = errors.New("pg_dump is not on this machine")
)

// Backup writes an inbox, as it is at one moment, to a file of mode 0600, while other processes use it. The file is a SQLite database, or an archive
// of pg_dump for pg_restore. It appears under its name once it is whole, checked and on disk.
func Backup(ctx context.Context, where, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up %s to %s: %w", Name(where), path, err)
		}
	}()
	if err := checkFree(path); err != nil {
		return err
	}
	// It makes the file with mode 0600.
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name()) // a whole one has its own name by now
		}
	}()
	write := copySQLite
	if postgres.IsAddress(where) {
		write = dumpPostgres
	}
	err = errors.Join(write(ctx, where, part.Name()), part.Sync(), part.Close())
	if err != nil {
		return err
	}
	if err := checkFree(path); err != nil {
		return err
	}
	if err := place(part.Name(), path, os.Link); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// place gives a file another name. It fails with fs.ErrExist where that name is taken by now.
func place(part, path string, link func(part, path string) error) error {
	// A link does not replace what has the name, and a rename does.
	err := link(part, path)
	if err == nil {
		return os.Remove(part)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// The file system may have no links: an empty file takes the name first.
	empty, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = empty.Close(); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// checkFree fails if there is something at the path of a backup, or if that can't be found out.
func checkFree(path string) error {
	if path == "" {
		return fmt.Errorf("%w: name the file", ErrBackupFile)
	}
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case found.IsDir():
		return fmt.Errorf("%w: it is a folder: name a file in it", ErrBackupFile)
	}
	return fmt.Errorf("%w: the file is there already: name another, or remove it", ErrBackupFile)
}

// copySQLite copies what the inbox holds into an empty file, and reads the copy. Pages that hold nothing any more are not copied.
func copySQLite(ctx context.Context, where, path string) error {
	if err := withSQLite(where, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "VACUUM INTO ?", path)
		return err
	}); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	var found string
	err := withSQLite(path, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	})
	if err == nil && found != "ok" {
		err = errors.New(found)
	}
	if err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	return nil
}

// withSQLite opens a database that is there.
func withSQLite(path string, do func(*sql.DB) error) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	query := url.Values{"mode": {"rw"}, "_busy_timeout": {"5000"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}).String())
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// dumpPostgres has pg_dump write the inbox's tables to a file, and pg_restore read its table of contents.
func dumpPostgres(ctx context.Context, where, path string) error {
	if err := postgres.CheckAddress(where); err != nil {
		return err
	}
	config, err := pgconn.ParseConfig(where)
	if err != nil {
		return postgres.CheckAddress(where) // this error may hold the password
	}
	// PostgreSQL's tools know no search path in an address, and no space as "+".
	address, parameters, _ := strings.Cut(postgres.Redact(where), "?")
	query, _ := url.ParseQuery(parameters)
	query.Del("search_path")
	tables, password := "inbox_*", config.Password
	if schema := strings.TrimSpace(strings.Split(config.RuntimeParams["search_path"], ",")[0]); schema != "" {
		tables = schema + "." + tables
	}
	args := []string{
		"--dbname=" + address + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"), "--format=custom", "--no-owner", "--no-privileges", "--table=" + tables,
		"--table=" + strings.Replace(tables, "inbox_*", "signalbox_migration", 1),
	}
	if _, err := exec.LookPath("pg_dump"); err != nil {
		return fmt.Errorf("%w: install PostgreSQL's client programs of the server's version, or run there, with the password in PGPASSWORD: pg_dump '%s' --file=FILE",
			errNoDump, strings.Join(args, "' '"))
	}
	run := func(name string, args ...string) error {
		program := exec.CommandContext(ctx, name, args...)
		program.Env = append(os.Environ(), "PGPASSWORD="+password)
		if password == "" {
			program.Env = nil // all of this process's
		}
		if said, err := program.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(said)))
		}
		return nil
	}
	if err := run("pg_dump", append(args, "--file="+path)...); err != nil {
		return err
	}
	return run("pg_restore", "--list", "--file="+os.DevNull, path)
}
