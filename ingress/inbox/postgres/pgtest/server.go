package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// role may do everything on the server; it needs no password, since only the owner of the folder reaches the socket.
	role = "signalbox"
	// startTimeout allows for recovery after a kill on a busy machine.
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
	startPause   = 20 * time.Millisecond
	connections  = 300
)

// settings are what a test needs of a server: reachable from here only, and no less durable than a real one, since that is tested.
const settings = `
listen_addresses = ''
max_connections = %d
fsync = on
synchronous_commit = on
`

// rules let the role "guarded" in by its password alone, so that tests can see what becomes of a password.
const rules = `
local all guarded scram-sha-256
local all all     trust
`

// Server is a PostgreSQL server in a folder of its own.
type Server struct {
	programs programs
	folder   string
	process  *exec.Cmd
	// ended is closed when the process has ended.
	ended     chan struct{}
	databases atomic.Int64
}

// start makes the folder and starts the server; errMissing where the machine has no PostgreSQL.
func start() (_ *Server, err error) {
	found, err := findPrograms()
	if err != nil {
		return nil, err
	}
	folder, err := makeFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{programs: found, folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	initialize := exec.CommandContext(ctx, found.initdb, "--pgdata", s.data(), "--username", role, "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-instructions", "--no-sync")
	if err := prepare(initialize, s.folder); err != nil {
		return nil, err
	}
	if out, err := initialize.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	for name, text := range map[string]string{"postgresql.auto.conf": fmt.Sprintf(settings, connections), "pg_hba.conf": rules} {
		if err := os.WriteFile(filepath.Join(s.data(), name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("configure PostgreSQL: %w", err)
		}
	}
	return s, s.launch()
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }
func (s *Server) log() string  { return filepath.Join(s.folder, "log") }

// URL is the address of a database on the server.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?host=" + s.folder + "&user=" + role
}

// launch starts the process and waits until it answers. After a kill the children of the old process may still hold its shared
// memory for a moment: then it is tried again.
func (s *Server) launch() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.run(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, s.tail())
		case <-time.After(startPause):
		}
	}
}

func (s *Server) run(ctx context.Context) error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() { _ = log.Close() }()
	server := exec.Command(s.programs.postgres, "-D", s.data(), "-k", s.folder)
	server.Stdout, server.Stderr = log, log
	if err := prepare(server, s.folder); err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.process, s.ended = server, make(chan struct{})
	go func(ended chan<- struct{}) {
		// How it ended stands in its log.
		_ = server.Wait()
		close(ended)
	}(s.ended)
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			s.process = nil
			return errors.New("start PostgreSQL: it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w", errors.Join(err, s.signal(syscall.SIGKILL)))
		case <-time.After(startPause):
		}
	}
}

// tail is the end of the server's log as an error.
func (s *Server) tail() error {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return fmt.Errorf("the end of its log:\n%s", bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}

// signal tells the process to end, and waits until it has.
func (s *Server) signal(how syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.Process.Signal(how); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	select {
	case <-s.ended:
		s.process = nil
		return nil
	case <-time.After(stopTimeout):
		return errors.New("stop PostgreSQL: it is still there")
	}
}

// close ends the server and removes its folder.
func (s *Server) close() error {
	return errors.Join(s.signal(syscall.SIGQUIT), os.RemoveAll(s.folder))
}

// programs are the paths of what is run.
type programs struct{ initdb, postgres string }

var errMissing = errors.New("no PostgreSQL server on this machine: install it (Debian: apt-get install postgresql)")

// findPrograms looks in PATH first, then where Debian keeps each version, the newest first.
func findPrograms() (programs, error) {
	var folders []string
	if installed, err := filepath.Glob("/usr/lib/postgresql/*/bin"); err == nil {
		folders = installed
	}
	find := func(name string) string {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for i := len(folders) - 1; i >= 0; i-- {
			if path, err := exec.LookPath(filepath.Join(folders[i], name)); err == nil {
				return path
			}
		}
		return ""
	}
	postgres := find("postgres")
	if postgres == "" {
		return programs{}, errMissing
	}
	// A link in PATH leads to the folder of its version, where the other program of that version is.
	if resolved, err := filepath.EvalSymlinks(postgres); err == nil {
		postgres = resolved
	}
	initdb := filepath.Join(filepath.Dir(postgres), "initdb")
	if _, err := exec.LookPath(initdb); err != nil {
		if initdb = find("initdb"); initdb == "" {
			return programs{}, errMissing
		}
	}
	return programs{initdb: initdb, postgres: postgres}, nil
}

// longestSocketFolder leaves room for the socket's own name in the hundred-odd bytes that systems allow.
const longestSocketFolder = 70

// makeFolder makes a folder with a short path, for the user whom the server runs as.
func makeFolder() (string, error) {
	folder, err := os.MkdirTemp("", "sbpg")
	if err == nil && len(folder) > longestSocketFolder {
		err = os.Remove(folder)
		if err == nil {
			folder, err = os.MkdirTemp("/tmp", "sbpg")
		}
	}
	if err != nil {
		return "", fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	if err := giveAway(folder); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	return folder, nil
}

// required says whether the test run insists on a part of the machine.
func required(part string) bool {
	for name := range strings.SplitSeq(os.Getenv("SIGNALBOX_TEST_REQUIRE"), ",") {
		if strings.TrimSpace(name) == part {
			return true
		}
	}
	return false
}
