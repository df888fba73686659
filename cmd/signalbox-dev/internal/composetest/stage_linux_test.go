package composetest_test

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// waitTimeout bounds every wait. It is well above the minute after which the server gives a killed worker's activities up.
const waitTimeout = 5 * time.Minute

// stage is the machine on which the services run.
type stage struct {
	folder, binary string
	services       map[string]serviceOf
	// variables are those of the image, replace are pairs that put this machine in the place of the containers.
	variables map[string]string
	replace   []string
}

// running is a service that runs.
type running struct {
	name, address, internal string
	process                 *exec.Cmd
	log                     *bytes.Buffer
}

func (s *stage) in(address, internal, text string) string {
	pairs := append([]string{
		"127.0.0.1:8080", address, "127.0.0.1:8081", internal, ":8080", address, ":8081", internal,
		"172.30.80.2", "127.0.0.1", "/run/secrets/", filepath.Join(s.folder, "secrets") + "/", "/run/tokens/", filepath.Join(s.folder, "secrets", "tokens") + "/",
		"/data", filepath.Join(s.folder, "data"),
	}, s.replace...)
	return strings.NewReplacer(pairs...).Replace(text)
}

func (s *stage) command(t *testing.T, name string, r *running, arguments ...string) *exec.Cmd {
	t.Helper()
	one, found := s.services[name]
	require.True(t, found, name)
	require.Equal(t, "signalbox", one.Image)
	command := exec.CommandContext(context.WithoutCancel(t.Context()), s.binary)
	for _, argument := range arguments {
		command.Args = append(command.Args, s.in(r.address, r.internal, argument))
	}
	command.Dir = filepath.Join(s.folder, "data")
	command.Env = []string{"PATH=/nonexistent"}
	for _, set := range []map[string]string{s.variables, one.Environment} {
		for variable, value := range set {
			command.Env = append(command.Env, variable+"="+s.in(r.address, r.internal, value))
		}
	}
	command.Stdout, command.Stderr = r.log, r.log
	// It must not outlive a test run that is killed.
	testenv.KillWithParent(command)
	return command
}

// once runs a service that ends by itself.
func (s *stage) once(t *testing.T, name string) {
	t.Helper()
	r := &running{name: name, log: &bytes.Buffer{}}
	require.NoError(t, s.command(t, name, r, s.services[name].arguments(t)...).Run(), "%s: %s", name, r.log)
}

// start runs a service until the test ends or it is killed.
func (s *stage) start(t *testing.T, name, address string) *running {
	t.Helper()
	r := &running{name: name, address: address, internal: freeAddress(t), log: &bytes.Buffer{}}
	r.process = s.command(t, name, r, s.services[name].arguments(t)...)
	require.NoError(t, r.process.Start())
	t.Cleanup(func() {
		if r.process.ProcessState == nil {
			require.NoError(t, r.process.Process.Signal(syscall.SIGTERM))
			require.NoError(t, r.process.Wait(), r.log.String())
		}
		if t.Failed() {
			t.Log(name, r.log.String())
		}
	})
	return r
}

// awaitHealthy waits until the service's health check is content.
func (s *stage) awaitHealthy(t *testing.T, r *running) {
	t.Helper()
	check := s.services[r.name].HealthCheck.Test
	require.Equal(t, []string{"CMD", "signalbox"}, check[:2])
	require.Eventually(t, func() bool {
		asking := &running{address: r.address, internal: r.internal, log: &bytes.Buffer{}}
		return s.command(t, r.name, asking, check[2:]...).Run() == nil
	}, waitTimeout, 100*time.Millisecond, r.name)
}

// kill ends a process as a power failure does.
func (r *running) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, r.process.Process.Kill())
	_ = r.process.Wait() // it was killed
}

// stop halts a process in the middle of what it does, and lets it go on after that.
func (r *running) stop(t *testing.T, meanwhile func()) {
	t.Helper()
	require.NoError(t, r.process.Process.Signal(syscall.SIGSTOP))
	defer func() { require.NoError(t, r.process.Process.Signal(syscall.SIGCONT)) }()
	meanwhile()
}

// makeSecrets runs secrets.sh, and inbox.sh against the database server as its image would.
func (s *stage) makeSecrets(t *testing.T, database *url.URL) {
	t.Helper()
	runIn(t, s.folder, nil, strings.Join(answers, "\n")+"\n", secretsScript(t))
	server, user := database.Query().Get("host"), database.Query().Get("user")
	s.script(t, "inbox.sh", "POSTGRES_USER="+user, "PGHOST="+server)
	path := filepath.Join(s.folder, "secrets", "inbox_url")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	here := strings.Replace(string(text), "@postgresql:5432/signalbox?sslmode=disable", "@/signalbox?host="+server, 1)
	require.NotEqual(t, string(text), here)
	require.NoError(t, os.WriteFile(path, []byte(here), 0o600))
}

// configure takes the example of an agent in the configuration into use.
func (s *stage) configure(t *testing.T, agent, secret string) {
	t.Helper()
	path := filepath.Join(s.folder, "secrets", "config.yml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	inUse := strings.NewReplacer("\n# ", "\n", "my-agent", agent, "the webhook secret of this agent at Artmail", secret).Replace(string(text))
	require.Contains(t, inUse, "\nagents:\n  "+agent+":\n    secrets: [\""+secret+"\"]\n")
	require.NoError(t, os.WriteFile(path, []byte(inUse), 0o600))
}

func (s *stage) script(t *testing.T, name string, environment ...string) {
	t.Helper()
	text, err := os.ReadFile(root + "/cmd/signalbox/deploy/compose/" + name)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "sh", "-c", s.in("", "", string(text)))
	command.Dir, command.Env = s.folder, append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, output)
}

// haproxy runs the proxy of the file at an address.
func (s *stage) haproxy(t *testing.T, program, address string, ingresses ...*running) {
	t.Helper()
	text, err := os.ReadFile(root + "/cmd/signalbox/deploy/compose/haproxy.cfg")
	require.NoError(t, err)
	replace := []string{"bind :8080", "bind " + address}
	for _, one := range ingresses {
		require.Contains(t, string(text), one.name+":8080")
		replace = append(replace, one.name+":8080", one.address)
	}
	path := filepath.Join(s.folder, "haproxy.cfg")
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600))
	var log bytes.Buffer
	proxy := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-db", "-f", path)
	proxy.Stdout, proxy.Stderr = &log, &log
	testenv.KillWithParent(proxy)
	require.NoError(t, proxy.Start())
	t.Cleanup(func() {
		require.NoError(t, proxy.Process.Signal(syscall.SIGTERM))
		_ = proxy.Wait() // a signal gives it another status
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	return address
}
