package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// role may do everything on the server; it needs no password, since only the owner of the folder reaches the socket.
	role = "signalbox"
	// startTimeout allows for recovery after a kill on a busy machine.
	startTimeout = 5 * time.Minute
	stopTimeout  = 5 * time.Minute
	startPause   = 20 * time.Millisecond
	connections  = 300
	// LongestFolder leaves room for the socket's own name in the hundred-odd bytes that systems allow for the path of a socket.
	LongestFolder = 70
)

// settings are what a trial needs of a server: reachable from here only, and no less durable than a real one, since that is tried.
const settings = `
listen_addresses = ''
max_connections = %d
fsync = on
synchronous_commit = on
`

// rules let the role "guarded" in by its password alone, so that a test can see what becomes of a password.
const rules = `
local all guarded scram-sha-256
local all all     trust
`

// Server is a PostgreSQL server with its data in one folder.
type Server struct {
	programs programs
	folder   string
	process  *exec.Cmd
	// ended is closed when the process has ended.
	ended chan struct{}
}

// Make makes a server in a folder, which has to be empty and becomes its user's; ErrMissing where the machine has no PostgreSQL.
func Make(folder string) (*Server, error) {
	found, err := findPrograms()
	if err != nil {
		return nil, err
	}
	if len(folder) > LongestFolder {
		return nil, fmt.Errorf("folder for PostgreSQL: %s is too long a path for its socket: set TMPDIR to a shorter one", folder)
	}
	if err := giveAway(folder); err != nil {
		return nil, fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	s := &Server{programs: found, folder: folder}
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
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }
func (s *Server) log() string  { return filepath.Join(s.folder, "log") }

// URL is the address of a database on the server.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?host=" + s.folder + "&user=" + role
}

// Command returns the server's process for callers that start and stop it themselves. The server ends with this process, even if it is killed.
func (s *Server) Command() (*exec.Cmd, error) {
	server := exec.Command(s.programs.postgres, "-D", s.data(), "-k", s.folder)
	return server, prepare(server, s.folder)
}

// Ready returns nil once the server answers.
func (s *Server) Ready(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return conn.Close(ctx)
}

// Start starts the process and waits until it answers. After a kill the children of the old process may still hold its shared
// memory for a moment: then it is tried again.
func (s *Server) Start() error {
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
	server, err := s.Command()
	if err != nil {
		return err
	}
	server.Stdout, server.Stderr = log, log
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
		err := s.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			s.process = nil
			return errors.New("start PostgreSQL: it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w", errors.Join(err, s.End(syscall.SIGKILL)))
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

// End tells the process that Start started to end, and waits until it has.
func (s *Server) End(how syscall.Signal) error {
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
