package config

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Source is the environment and the files from which settings are read.
type Source struct {
	// Environ is a list of NAME=value, as os.Environ returns it.
	Environ []string
	// ReadFile reads the configuration file and secret files.
	ReadFile func(path string) ([]byte, error)
}

const envPrefix = "SIGNALBOX_"

// Flags adds the flags of a process to the set. Each is also a variable: --public-url is SIGNALBOX_PUBLIC_URL. Secrets are never flags, since
// everyone on the machine can read flags. A worker process has another default for its internal listener, so that it can run beside an
// ingress.
func Flags(flags *pflag.FlagSet, parts Part) {
	internal := "127.0.0.1:8081"
	if parts == Worker {
		internal = "127.0.0.1:8082"
	}
	flags.String("config", "", "YAML file with accounts, agents, callbacks and the secrets of the shared route")
	flags.String("listen", ":8080", "address of the public listener, host:port")
	flags.String("internal-listen", internal, "address of the listener for health, metrics, the API and the page, host:port")
	flags.StringSlice("internal-tokens", nil, "files with the tokens of the API, separated by commas: a YAML list of name, token and scopes, or lines name:token with the scope admin; read again when they change")
	flags.String("internal-tls-cert", "", "PEM file of the internal listener's certificate; read again when it changes")
	flags.String("internal-tls-key", "", "PEM file of that certificate's key")
	flags.Bool("internal-plain", false, "allow plain HTTP on the internal listener beyond loopback, behind a proxy that handles TLS")
	flags.String("web-ui-url", "", "URL of Temporal's Web UI, such as http://localhost:8233, for links on the page; empty: no links")
	flags.String("public-url", "", "URL at which providers reach the ingress, such as https://hooks.example.com")
	flags.String("inbox", "signalbox.db", "SQLite file of the inbox, or postgres://… for a database that several machines share; set a URL with a password by SIGNALBOX_INBOX or SIGNALBOX_INBOX_FILE")
	flags.String("keyring", "", "key document, made by signalbox keys create")
	flags.String("payload-keys", "", "key document, made by signalbox keys create --payloads, that encrypts what Temporal keeps; every process, app and worker that shares workflows needs it; empty: nothing is encrypted")
	flags.Bool("payload-decrypt-only", false, "read what is encrypted and write plain: the first step of turning encryption on, and of turning it off")
	flags.StringSlice("codec-origins", nil, "origins of the Temporal Web UIs, such as https://temporal.example.com, whose users may read what is encrypted through the codec server on the internal listener, separated by commas")
	flags.Int64("max-body", 1<<20, "largest webhook body, in bytes, at most 64 MiB")
	flags.Int64("max-in-flight", 0, "most bytes of verified webhook bodies in memory; beyond that the slowest sender gets 503; more than twice --max-body, and at least 8 KiB; 0: 64 MiB, or eight times --max-body if that is more")
	flags.Int64("max-unverified-in-flight", 0, "most bytes of webhook bodies in memory whose signature is not verified yet; more than --max-body, and at least 4 KiB; 0: a quarter of --max-in-flight, or that least if it is more")
	flags.Int("max-connections", 4096, "most connections at a time; for a new one, the oldest connection without a verified webhook is closed, or else the one idle for longest")
	flags.Duration("idle-timeout", 2*time.Minute, "how long a connection stays open without a request")
	flags.StringSlice("trusted-proxies", nil, "addresses or ranges, such as 10.0.0.0/8, of the proxies whose X-Forwarded-For counts, separated by commas")
	flags.Duration("unmatched-grace", 15*time.Minute, "how long an event waits for a workflow that does not exist yet")
	flags.Duration("keep-bodies", 30*24*time.Hour, "how long the inbox keeps bodies that are neither pending nor quarantined; 0: for ever, which needs --keep-rows 0")
	flags.Duration("keep-rows", 180*24*time.Hour, "how long the inbox keeps deliveries with their dedupe keys, which identify late repetitions, and quarantined ones with their bodies; 0: for ever")
	flags.Duration("drain-delay", 5*time.Second, "how long a stopping ingress still accepts webhooks while /readyz answers 503, until load balancers have noticed")
	flags.Duration("drain", 20*time.Second, "how long a stop then waits for requests under way")
	flags.String("log-level", "info", "debug, info, warn or error")
	flags.String("log-format", "json", "json or console")
	flags.String("bucket", "", "bucket for the files of cases, such as s3://name?region=eu-central-1 or file:///var/lib/signalbox/files; empty: files are not stored")
	flags.Int64("bucket-max-file", 100<<20, "largest file that is stored, in bytes")
	flags.Bool("download-allow-private", false, "allow downloads from private addresses and through the proxy of the environment")
	flags.Bool("download-allow-http", false, "allow unencrypted downloads")
	flags.String("scratch", "", "folder for files during their download; empty: the system's folder for temporary files")
	flags.Float64("offload-calls-per-second", 0, "most calls to Offload per second other than polling (create, answer, single reads), over all accounts and workers; 0: no limit")
	flags.Float64("offload-reads-per-second", 0, "most polls of Offload's cases per second, over all accounts and workers; 0: no limit")
	flags.Int("workflow-cache", 2000, "how many workflows a worker keeps in memory, about 60 kB each; it reads the others from Temporal again when they get an event")
}

// Load reads the settings: a flag overrides a variable, which overrides the default; accounts, agents and callbacks come from the YAML file.
// Load does not check which settings are missing, since that depends on the parts; see Validate.
func Load(flags *pflag.FlagSet, source Source) (Config, error) {
	env := source.variables()
	var mistakes []error
	inboxGiven := flags.Changed("inbox")
	flags.VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		if value, set := env[name]; set && !f.Changed {
			if err := flags.Set(f.Name, value); err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s: %q: %w", name, value, err))
			}
		}
		if problem := strayProblem(f.Value.String()); problem != "" {
			mistakes = append(mistakes, fmt.Errorf("--%s (%s) %s", f.Name, name, problem))
		}
	})
	text := func(name string) string { return flags.Lookup(name).Value.String() }
	duration, size, number := reader(flags.GetDuration, &mistakes), reader(flags.GetInt64, &mistakes), reader(flags.GetInt, &mistakes)
	rate, list, yes := reader(flags.GetFloat64, &mistakes), reader(flags.GetStringSlice, &mistakes), reader(flags.GetBool, &mistakes)
	prefixes := func(name string) []netip.Prefix {
		parsed, err := parsePrefixes(list(name))
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("--%s (%s): %w", name, envName(name), err))
		}
		return parsed
	}
	config := Config{
		Unknown: unknown(flags, env),
		Listen:  text("listen"),
		Internal: Internal{
			Listen: text("internal-listen"), CertFile: text("internal-tls-cert"), KeyFile: text("internal-tls-key"), Plain: yes("internal-plain"),
			WebUIURL: strings.TrimSuffix(text("web-ui-url"), "/"), CodecOrigins: list("codec-origins"),
		},
		PublicURL:             strings.TrimSuffix(text("public-url"), "/"),
		Inbox:                 text("inbox"),
		Keyring:               text("keyring"),
		PayloadKeys:           text("payload-keys"),
		PayloadDecryptOnly:    yes("payload-decrypt-only"),
		InboxNamed:            flags.Changed("inbox"),
		MaxBody:               size("max-body"),
		MaxInFlight:           size("max-in-flight"),
		MaxUnverifiedInFlight: size("max-unverified-in-flight"),
		MaxConnections:        number("max-connections"),
		IdleTimeout:           duration("idle-timeout"),
		TrustedProxies:        prefixes("trusted-proxies"),
		UnmatchedGrace:        duration("unmatched-grace"),
		KeepBodies:            duration("keep-bodies"),
		KeepRows:              duration("keep-rows"),
		DrainDelay:            duration("drain-delay"),
		Drain:                 duration("drain"),
		LogLevel:              text("log-level"),
		LogFormat:             text("log-format"),
		WorkflowCache:         number("workflow-cache"),

		OffloadCallsPerSecond: rate("offload-calls-per-second"),
		OffloadReadsPerSecond: rate("offload-reads-per-second"),

		Bucket:               text("bucket"),
		BucketMaxFile:        size("bucket-max-file"),
		DownloadAllowPrivate: yes("download-allow-private"),
		DownloadAllowHTTP:    yes("download-allow-http"),
		Scratch:              text("scratch"),
		Accounts:             map[string]Account{},
		Agents:               map[string]Agent{},
		Callbacks:            map[string]Callback{},
	}
	config.DeploymentName, config.BuildID = source.version()
	mistakes = append(mistakes, source.addInternal(&config, list("internal-tokens")))
	if path := text("config"); path != "" {
		mistakes = append(mistakes, source.addFile(&config, path))
	}
	mistakes = append(mistakes, source.addSecrets(&config, env)...)
	if !inboxGiven {
		mistakes = append(mistakes, source.addInbox(&config, env))
	}
	return config, errors.Join(mistakes...)
}

// reader returns a function that reads a flag by get and adds its error to mistakes.
func reader[T any](get func(name string) (T, error), mistakes *[]error) func(name string) T {
	return func(name string) T {
		value, err := get(name)
		*mistakes = append(*mistakes, err)
		return value
	}
}

// parsePrefixes reads addresses and ranges of addresses.
func parsePrefixes(list []string) ([]netip.Prefix, error) {
	var (
		all   []netip.Prefix
		wrong []error
	)
	for _, text := range list {
		prefix, err := parsePrefix(strings.TrimSpace(text))
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("%q is neither an address nor a range such as 10.0.0.0/8", text))
		case prefix.Bits() == 0:
			wrong = append(wrong, fmt.Errorf("%s would trust every sender: name the proxies", text))
		default:
			all = append(all, prefix.Masked())
		}
	}
	return all, errors.Join(wrong...)
}

// parsePrefix reads an address as the range of that address alone. An IPv4 address may be written as an IPv6 one.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		const before = 96 // bits before an IPv4 address in an IPv6 one
		if err == nil && prefix.Addr().Is4In6() && prefix.Bits() >= before {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-before)
		}
		return prefix, err
	}
	address, err := netip.ParseAddr(text)
	if err == nil && address.Zone() != "" {
		err = errors.New("a zone is valid on one machine only")
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), err
}

// version returns the worker's version from the variables that Temporal's worker controller sets. Without a build ID, versioning is off.
func (s Source) version() (deployment, build string) {
	for _, entry := range s.Environ {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case "TEMPORAL_DEPLOYMENT_NAME":
			deployment = value
		case "TEMPORAL_WORKER_BUILD_ID":
			build = value
		}
	}
	if build != "" {
		deployment = cmp.Or(deployment, DefaultDeployment)
	}
	return deployment, build
}

// addSecrets reads the settings that are never flags: the shared secret, and the account of an installation without a YAML file.
func (s Source) addSecrets(config *Config, env map[string]string) []error {
	var mistakes []error
	secret := func(name string) (value string, set bool) {
		value, set, err := s.secret(env, name)
		mistakes = append(mistakes, err)
		return value, set
	}
	if value, set := secret("SIGNALBOX_SHARED_SECRET"); set {
		if len(config.SharedSecrets) > 0 {
			mistakes = append(mistakes, errors.New("SIGNALBOX_SHARED_SECRET: set it there or by shared in the --config file, not both"))
		}
		config.SharedSecrets = append(config.SharedSecrets, value)
	}
	baseURL, hasURL := env["SIGNALBOX_OFFLOAD_BASE_URL"]
	apiKey, hasKey := secret("SIGNALBOX_OFFLOAD_API_KEY")
	if hasURL || hasKey {
		if _, inFile := config.Accounts[workflows.DefaultAccount]; inFile {
			mistakes = append(mistakes, fmt.Errorf("accounts.%s: set it in the --config file or by SIGNALBOX_OFFLOAD_…, not both", workflows.DefaultAccount))
		}
		config.Accounts[workflows.DefaultAccount] = Account{BaseURL: strings.TrimSuffix(baseURL, "/"), APIKey: apiKey}
	}
	return mistakes
}

// addInbox reads the inbox like a secret, since the URL of a database may hold a password.
func (s Source) addInbox(config *Config, env map[string]string) error {
	value, set, err := s.secret(env, "SIGNALBOX_INBOX")
	if err == nil && set {
		config.Inbox, config.InboxNamed = value, true
	}
	return err
}

func (s Source) variables() map[string]string {
	env := make(map[string]string)
	for _, entry := range s.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) {
			env[name] = value
		}
	}
	return env
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// sorted returns the entries of a map in the order of their keys, so that mistakes have the same order each time.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
