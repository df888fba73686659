package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Server is a server of the tests.
type Server struct {
	process   *pgserver.Server
	folder    string
	databases atomic.Int64
}

// Start starts a server for one test, which ends with it.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	Demand(t, err)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// shared is the server of a test package, started by the first test that asks.
var shared struct {
	sync.Mutex
	server *Server
	err    error
	// runs says that Run stops the server in the end.
	runs bool
}

// Shared returns the server that the tests of a package share. Its TestMain must use Run.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.runs {
		t.Fatal("pgtest.Shared needs pgtest.Run in TestMain, which stops the server")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start()
	}
	Demand(t, shared.err)
	return shared.server
}

// Tests are what Run runs: a *testing.M.
type Tests interface{ Run() int }

// Run wraps the tests of a package for TestMain: when they have run, the shared server is stopped.
func Run(tests Tests) Tests {
	shared.Lock()
	defer shared.Unlock()
	shared.runs = true
	return running{tests}
}

type running struct{ tests Tests }

func (r running) Run() int {
	code := r.tests.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Demand skips a test if PostgreSQL is missing and not required, and fails it on any other error.
func Demand(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, pgserver.ErrMissing) {
		testenv.Missing(t, "postgres", err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// start makes the folder and starts the server.
func start() (_ *Server, err error) {
	folder, err := makeFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.process, err = pgserver.Make(folder); err != nil {
		return nil, err
	}
	return s, s.process.Start()
}

// close ends the server and removes its folder.
func (s *Server) close() (err error) {
	if s.process != nil {
		err = s.process.End(syscall.SIGQUIT)
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// makeFolder makes a folder with a short path.
func makeFolder() (string, error) {
	folder, err := os.MkdirTemp("", "sbpg")
	if err == nil && len(folder) > pgserver.LongestFolder {
		err = os.Remove(folder)
		if err == nil {
			folder, err = os.MkdirTemp("/tmp", "sbpg")
		}
	}
	if err != nil {
		return "", fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	return folder, nil
}

// URL is the address of a database on the server.
func (s *Server) URL(database string) string { return s.process.URL(database) }

// Database makes an empty database for the test and returns its URL. It goes when the test ends, if the server is still there.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	t.Cleanup(func() {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err != nil {
			return // the test has stopped the server
		}
		_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		if err := errors.Join(err, conn.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

// Exec carries out statements in a database of the server.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL(database))
	for _, statement := range statements {
		if err == nil {
			_, err = conn.Exec(ctx, statement)
		}
	}
	if conn != nil {
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server as an administrator does: what is under way is cut off, what is committed is on disk.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGINT)
}

// Kill ends the server as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGKILL)
}

// Restart starts a server that was stopped or killed, on its data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) end(t testing.TB, how syscall.Signal) {
	t.Helper()
	if err := s.process.End(how); err != nil {
		t.Fatal(err)
	}
}

// NeedDump demands the programs that PostgreSQL brings for backups.
func NeedDump(t testing.TB) {
	t.Helper()
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(program); err != nil {
			Demand(t, fmt.Errorf("%w: %w", pgserver.ErrMissing, err))
		}
	}
}
