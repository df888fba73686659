package composetest_test

import (
	"maps"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/worker"
)

// root is the project's folder.
const root = "../../../.."

// composed is what the play reads of docker-compose.yml.
type composed struct {
	Services map[string]serviceOf `yaml:"services"`
	Networks map[string]struct {
		IPAM struct {
			Config []struct {
				Gateway netip.Addr   `yaml:"gateway"`
				Range   netip.Prefix `yaml:"ip_range"`
			} `yaml:"config"`
		} `yaml:"ipam"`
	} `yaml:"networks"`
}

type serviceOf struct {
	Image       string            `yaml:"image"`
	Build       any               `yaml:"build"`
	PullPolicy  string            `yaml:"pull_policy"`
	Command     any               `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Secrets     []string          `yaml:"secrets"`
	Ports       []string          `yaml:"ports"`
	Networks    map[string]struct {
		Address netip.Addr `yaml:"ipv4_address"`
	} `yaml:"networks"`
	HealthCheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	StopGracePeriod string `yaml:"stop_grace_period"`
}

// readCompose reads the file with the values of variables in their places.
func readCompose(t *testing.T, variables map[string]string) composed {
	t.Helper()
	text, err := os.ReadFile(root + "/docker-compose.yml")
	require.NoError(t, err)
	filled := variable.ReplaceAllStringFunc(string(text), func(whole string) string {
		if whole == "$$" {
			return "$"
		}
		parts := variable.FindStringSubmatch(whole)
		value := variables[parts[1]]
		if value == "" && parts[2] == ":?" {
			require.Fail(t, "a variable is missing", parts[1])
		}
		if value == "" {
			value = parts[3]
		}
		return value
	})
	var c composed
	require.NoError(t, yaml.Unmarshal([]byte(filled), &c))
	return c
}

// addresses are the variables that the file needs.
var addresses = map[string]string{"SIGNALBOX_PUBLIC_URL": "https://hooks.example.com", "SIGNALBOX_OFFLOAD_BASE_URL": "https://offload.example.com"}

var variable = regexp.MustCompile(`\$\$|\$\{([A-Z_]+)(:[?-])?([^}]*)\}`)

// arguments are those of the image's program.
func (s serviceOf) arguments(t *testing.T) []string {
	t.Helper()
	list, isList := s.Command.([]any)
	require.True(t, isList, "the command is a list")
	var arguments []string
	for _, one := range list {
		arguments = append(arguments, one.(string))
	}
	return arguments
}

// imageEnvironment are the variables that the image of Signalbox sets.
func imageEnvironment(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(root + "/cmd/signalbox/Dockerfile")
	require.NoError(t, err)
	environment := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if values, isEnv := strings.CutPrefix(strings.TrimSpace(line), "ENV "); isEnv {
			for value := range strings.FieldsSeq(values) {
				name, text, _ := strings.Cut(value, "=")
				environment[name] = text
			}
		}
	}
	require.NotEmpty(t, environment)
	return environment
}

// Both of a kind are the same but for their ports, and each gets what its command needs.
func TestTheFileHasTwoOfEachAndSecretsAsFilesOnly(t *testing.T) {
	t.Parallel()
	c := readCompose(t, addresses)
	for _, kind := range []string{"ingress", "worker"} {
		one, two := c.Services["signalbox-"+kind+"-1"], c.Services["signalbox-"+kind+"-2"]
		require.Equal(t, []string{kind}, one.arguments(t))
		one.Ports, two.Ports = nil, nil
		require.Equal(t, one, two)
	}
	for name, s := range c.Services {
		for variable, value := range s.Environment {
			secret := strings.Contains(variable, "PASSWORD") || strings.Contains(variable, "PWD") || strings.Contains(variable, "API_KEY")
			require.False(t, secret && !strings.HasPrefix(value, "/run/secrets/"), "%s of %s", variable, name)
			if file, isSecret := strings.CutPrefix(value, "/run/secrets/"); isSecret {
				require.Contains(t, s.Secrets, file, "%s of %s", variable, name)
			}
		}
		require.NotEmpty(t, s.Image, name)
		require.NotContains(t, s.Image, "latest", name)
		for _, volume := range s.Volumes {
			if path, _, _ := strings.Cut(volume, ":"); strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "./secrets/") {
				require.FileExists(t, root+"/"+path)
			}
		}
	}
}

// Compose builds the services of a file at the same time, and a build fails if another one has written its tag meanwhile.
func TestOneServiceBuildsTheImageAndNonePullsIt(t *testing.T) {
	t.Parallel()
	c := readCompose(t, addresses)
	builds := map[string]int{}
	for _, s := range c.Services {
		if s.Build != nil {
			builds[s.Image]++
		}
	}
	require.Equal(t, map[string]int{"signalbox": 1}, builds)
	for name, s := range c.Services {
		require.Equal(t, builds[s.Image] > 0, s.PullPolicy == "never", name)
	}
}

func TestPortsArePublishedOnLoopback(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t, addresses).Services {
		for _, port := range s.Ports {
			require.Regexp(t, "^127\\.0\\.0\\.1:", port, name)
		}
	}
	variables := maps.Clone(addresses)
	variables["SIGNALBOX_BIND"] = "10.0.0.1"
	require.Equal(t, []string{"10.0.0.1:8080:8080"}, readCompose(t, variables).Services["haproxy"].Ports)
}

// The peer of a stranger's connection can be the network's gateway. HAProxy appends its peer to what the stranger wrote into X-Forwarded-For.
func TestOnlyHAProxyAndANamedTLSProxySayWhoSentAWebhook(t *testing.T) {
	t.Parallel()
	const written = "203.0.113.9"
	for tlsProxy, want := range map[string]string{"": "172.30.80.1", "10.0.0.2,172.30.80.1": written} {
		variables := maps.Clone(addresses)
		variables["SIGNALBOX_TLS_PROXY"] = tlsProxy
		c := readCompose(t, variables)
		network := c.Networks["default"].IPAM.Config[0]
		require.Equal(t, "172.30.80.1", network.Gateway.String())
		proxy := c.Services["haproxy"].Networks["default"].Address
		require.False(t, network.Range.Contains(proxy), "another container could have HAProxy's address")

		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		config.Flags(flags, config.Ingress)
		settings, err := config.Load(flags, config.Source{Environ: []string{"SIGNALBOX_TRUSTED_PROXIES=" + c.Services["signalbox-ingress-1"].Environment["SIGNALBOX_TRUSTED_PROXIES"]}})
		require.NoError(t, err)
		sender := ingress.Sources(settings.TrustedProxies)
		forwarded := http.Header{"X-Forwarded-For": {written, network.Gateway.String()}}
		require.Equal(t, want, sender(&http.Request{RemoteAddr: netip.AddrPortFrom(proxy, 1).String(), Header: forwarded}).String(), tlsProxy)
		other := network.Range.Addr().Next()
		require.Equal(t, other, sender(&http.Request{RemoteAddr: netip.AddrPortFrom(other, 1).String(), Header: forwarded}), "another container")
	}
}

// All services at once would refuse webhooks.
func TestOnlyTheFirstStartNamesAllServices(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/README.md")
	require.NoError(t, err)
	one := regexp.MustCompile(`for service in ([^;]*); do\n  docker compose up -d --no-deps [a-z -]*--wait \$service \|\| break`)
	loops := one.FindAllStringSubmatch(string(text), -1)
	require.Len(t, loops, 1)
	require.Equal(t, []string{"signalbox-ingress-1", "signalbox-ingress-2", "signalbox-worker-1", "signalbox-worker-2"}, strings.Fields(loops[0][1]))
	rest := regexp.MustCompile("docker compose (?:up|restart)[^#`\n]*").FindAllString(one.ReplaceAllString(string(text), ""), -1)
	require.Len(t, rest, 1)
	require.Equal(t, "docker compose up -d --build", strings.TrimSpace(rest[0]))
}

// A process that is killed before it has stopped repeats work, so the file gives each the time that it needs with its own settings, and not more.
func TestTheFileGivesEachProcessTheTimeToStop(t *testing.T) {
	t.Parallel()
	c := readCompose(t, addresses)
	const (
		// signals is how long the relay waits for one under way; it is the default of relay.Config.SignalTimeout.
		signals = 3 * time.Second
		spare   = 5 * time.Second
	)
	for name, s := range c.Services {
		command, isList := s.Command.([]any)
		if s.Image != "signalbox" || !isList {
			continue
		}
		var needs time.Duration
		switch command[0] {
		case "ingress":
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			config.Flags(flags, config.Ingress)
			for _, flag := range []string{"drain-delay", "drain"} {
				value, err := flags.GetDuration(flag)
				require.NoError(t, err)
				if text := s.Environment["SIGNALBOX_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))]; text != "" {
					value, err = time.ParseDuration(text)
					require.NoError(t, err)
				}
				needs += value
			}
			needs += signals + spare
		case "worker":
			needs = worker.StopTimeout + spare
		default:
			continue // it does one thing and ends by itself
		}
		given, err := time.ParseDuration(s.StopGracePeriod)
		require.NoError(t, err, name)
		require.Equal(t, needs, given, name)
	}
}
