// Package config reads the settings of Signalbox's processes: flags, SIGNALBOX_… variables, and one YAML file for lists (accounts, agents,
// callbacks). It reports all mistakes at once, each with the name of the setting and the fix.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Config holds the settings. Load reads them, Validate checks them.
type Config struct {
	// Unknown are warnings about SIGNALBOX_ variables that are not settings.
	Unknown []string
	// Listen is where the ingress listens, host:port.
	Listen string
	// Internal is the listener for operators.
	Internal Internal
	// PublicURL is the URL at which providers reach the ingress; capability URLs begin with it.
	PublicURL string
	// Inbox is the path of a SQLite file, or the URL of a PostgreSQL database. The URL may hold a password: show it redacted only.
	Inbox string
	// InboxNamed is false if Inbox is the default.
	InboxNamed bool
	// Keyring is the path of the key document.
	Keyring string
	// PayloadKeys is the path of the key document that encrypts what Temporal keeps; empty: nothing is encrypted. PayloadDecryptOnly reads what
	// is encrypted and writes plain.
	PayloadKeys        string
	PayloadDecryptOnly bool
	// MaxBody is the size cap of a webhook, in bytes.
	MaxBody int64
	// MaxInFlight bounds the verified bodies in memory, in bytes, and MaxUnverifiedInFlight the others; 0 means the ingress's default.
	MaxInFlight, MaxUnverifiedInFlight int64
	// MaxConnections is how many connections of the ingress are open at the same time.
	MaxConnections int
	// IdleTimeout closes a connection without a request.
	IdleTimeout time.Duration
	// TrustedProxies are the proxies whose X-Forwarded-For counts.
	TrustedProxies []netip.Prefix
	// SharedSecrets open the shared Offload route: two while one replaces the other. Without any, the route is off.
	SharedSecrets []string
	// UnmatchedGrace is how long an event waits for a workflow that does not exist.
	UnmatchedGrace time.Duration
	// KeepBodies and KeepRows are how long after its arrival a delivery keeps its body, and its row with the dedupe key; 0 means for ever. A
	// quarantined delivery keeps its body as long as its row, since it can still be released.
	KeepBodies, KeepRows time.Duration
	// DrainDelay is how long a stopping ingress still accepts webhooks; Drain is how long it then waits for requests under way.
	DrainDelay, Drain time.Duration

	LogLevel  string
	LogFormat string
	// BuildID turns Temporal's worker versioning on, as a version of the deployment DeploymentName.
	DeploymentName, BuildID string
	// OffloadReadsPerSecond limits polling and OffloadCallsPerSecond the other calls, over all workers and accounts; 0 means no limit.
	OffloadCallsPerSecond, OffloadReadsPerSecond float64
	// WorkflowCache is how many workflows the process keeps in memory. The process reads any other workflow from Temporal again when the
	// workflow gets an event. 0, which Validate refuses, leaves the cache unchanged; the SDK's default is 10,000.
	WorkflowCache int
	// Bucket is the URL of the bucket for the files of cases; empty means that files are not stored.
	Bucket string
	// BucketMaxFile is the size cap of a file, in bytes.
	BucketMaxFile int64
	// DownloadAllowPrivate allows downloads from private addresses, DownloadAllowHTTP unencrypted ones.
	DownloadAllowPrivate, DownloadAllowHTTP bool
	// Scratch is the folder for files during their download; empty means the system's folder for temporary files.
	Scratch string
	// Accounts are the Offload accounts by name.
	Accounts map[string]Account
	// Agents are the Artmail agents by name.
	Agents map[string]Agent
	// Callbacks are the receivers of notices by name.
	Callbacks map[string]Callback
}

// Account holds the settings of one Offload account.
type Account struct {
	BaseURL string
	APIKey  string
	// CallsPerSecond limits the POSTs of this process with the account's key, ReadsPerSecond its GETs; 0 means no limit.
	CallsPerSecond, ReadsPerSecond float64
	// Notify are the callbacks that get the notices of a case whose start names no callback.
	Notify []string
}

// Agent holds the settings of one Artmail agent.
type Agent struct {
	// Secrets verify signatures; there are two while one replaces the other.
	Secrets []string
	Options workflows.ActivationOptions
	// Notify are the callbacks that get the notices of runs and activations, and of approvals that name no callback.
	Notify []string
	// HandOver is the agent's hand-over workflow, which gets all of these notices; nil if it has none.
	HandOver *workflows.HandOver
}

// AgentSecrets returns the secrets of each agent.
func (c Config) AgentSecrets() map[string][]string {
	secrets := make(map[string][]string, len(c.Agents))
	for name, agent := range c.Agents {
		secrets[name] = agent.Secrets
	}
	return secrets
}

// Part is a part of Signalbox that a process runs. A process needs only the settings of its parts.
type Part int

// The parts.
const (
	Ingress Part = 1 << iota
	Worker
)

// minDrain is the longest time that a request waits for its commit. A shorter Drain could cut a request while its event is being stored.
const minDrain = 8 * time.Second

// DefaultDeployment is the name of the worker deployment if TEMPORAL_DEPLOYMENT_NAME is not set.
const DefaultDeployment = "signalbox"

// minWorkflowCache is how many workflow tasks a worker handles at a time. A smaller cache would drop workflows whose tasks are waiting.
const minWorkflowCache = 10

// Validate returns an error with every missing or invalid setting of the parts.
func (c Config) Validate(parts Part) error {
	var mistakes []error
	say := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	if c.Keyring == "" {
		say("--keyring (SIGNALBOX_KEYRING): name the key document; `signalbox keys create PATH` makes one")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		say("--log-level (SIGNALBOX_LOG_LEVEL): %q is not one of debug, info, warn, error", c.LogLevel)
	}
	if c.LogFormat != "json" && c.LogFormat != "console" {
		say("--log-format (SIGNALBOX_LOG_FORMAT): %q is not one of json, console", c.LogFormat)
	}
	switch {
	case c.Drain <= 0:
		say("--drain (SIGNALBOX_DRAIN): %s is not positive", c.Drain)
	case c.Drain <= minDrain && parts&Ingress != 0:
		say("--drain (SIGNALBOX_DRAIN): %s: want more than %s, for which a webhook may wait to be stored", c.Drain, minDrain)
	}
	if c.DrainDelay < 0 {
		say("--drain-delay (SIGNALBOX_DRAIN_DELAY): %s is negative", c.DrainDelay)
	}
	if c.PayloadDecryptOnly && c.PayloadKeys == "" {
		say("--payload-decrypt-only (SIGNALBOX_PAYLOAD_DECRYPT_ONLY): it needs --payload-keys (SIGNALBOX_PAYLOAD_KEYS)")
	}
	if len(c.Internal.CodecOrigins) > 0 && c.PayloadKeys == "" {
		say("--codec-origins (SIGNALBOX_CODEC_ORIGINS): without --payload-keys (SIGNALBOX_PAYLOAD_KEYS) there is no codec server")
	}
	c.Internal.validate(say)
	if parts&Ingress != 0 {
		c.validateIngress(say)
	}
	if parts&Worker != 0 {
		c.validateWorker(say)
	}
	c.validateAccounts(parts, say)
	return errors.Join(mistakes...)
}

func (c Config) validateIngress(say func(string, ...any)) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		say("--listen (SIGNALBOX_LISTEN): %q: want host:port, such as :8080", c.Listen)
	}
	if err := c.CheckInbox(); err != nil {
		say("%w", err)
	}
	if c.MaxBody <= 0 || c.MaxBody > ingress.LargestMaxBody {
		say("--max-body (SIGNALBOX_MAX_BODY): %d: want 1 to %d bytes", c.MaxBody, ingress.LargestMaxBody)
	} else {
		verified, unverified := ingress.LeastInFlight(c.MaxBody)
		if c.MaxInFlight != 0 && c.MaxInFlight < verified {
			say("--max-in-flight (SIGNALBOX_MAX_IN_FLIGHT): %d: want at least %d bytes, for a gzipped body of --max-body (%d) and its inflated form, or 0 for the default", c.MaxInFlight, verified, c.MaxBody)
		}
		if c.MaxUnverifiedInFlight != 0 && c.MaxUnverifiedInFlight < unverified {
			say("--max-unverified-in-flight (SIGNALBOX_MAX_UNVERIFIED_IN_FLIGHT): %d: want at least %d bytes, for a body of --max-body (%d), or 0 for the default", c.MaxUnverifiedInFlight, unverified, c.MaxBody)
		}
	}
	if c.MaxConnections <= 0 {
		say("--max-connections (SIGNALBOX_MAX_CONNECTIONS): %d: want at least 1", c.MaxConnections)
	}
	if c.IdleTimeout <= 0 {
		say("--idle-timeout (SIGNALBOX_IDLE_TIMEOUT): %s is not positive", c.IdleTimeout)
	}
	if c.UnmatchedGrace <= 0 {
		say("--unmatched-grace (SIGNALBOX_UNMATCHED_GRACE): %s is not positive", c.UnmatchedGrace)
	}
	if c.KeepBodies < 0 {
		say("--keep-bodies (SIGNALBOX_KEEP_BODIES): %s is negative; 0 keeps them for ever", c.KeepBodies)
	}
	if c.KeepRows < 0 {
		say("--keep-rows (SIGNALBOX_KEEP_ROWS): %s is negative; 0 keeps them for ever", c.KeepRows)
	}
	if c.KeepRows > 0 && (c.KeepBodies == 0 || c.KeepBodies > c.KeepRows) {
		say("--keep-rows (SIGNALBOX_KEEP_ROWS): %s is shorter than --keep-bodies, but a body can't stay longer than its row", c.KeepRows)
	}
	for n, secret := range c.SharedSecrets {
		if problem := sharedSecretProblem(secret); problem != "" {
			say("shared secret %d (SIGNALBOX_SHARED_SECRET, SIGNALBOX_SHARED_SECRET_FILE, or shared in the --config file): it has %s; "+
				"`openssl rand -hex 32` makes one, and without one the shared route is off", n+1, problem)
		}
	}
	c.validateAgents(say)
}

func (c Config) validateAgents(say func(string, ...any)) {
	for name, agent := range sorted(c.Agents) {
		if err := workflows.ValidateAgent(name); err != nil {
			say("agents.%s: %w", name, err)
		}
		if len(agent.Secrets) == 0 {
			say("agents.%s: set secrets or secretFiles: without a secret, everyone could post as Artmail", name)
		}
		for n, secret := range agent.Secrets {
			if problem := secretProblem(secret); problem != "" {
				say("agents.%s: secret %d %s", name, n+1, problem)
			}
		}
		if err := agent.Options.Validate(); err != nil {
			say("agents.%s: %w", name, err)
		}
		o := agent.Options.Normalized()
		if o.StaleAfter <= 0 || o.WarnBefore <= 0 || o.WarnBefore >= o.StaleAfter {
			say("agents.%s: want 0 < warnBefore (%s) < staleAfter (%s)", name, o.WarnBefore, o.StaleAfter)
		}
		if o.CheckFor <= 0 {
			say("agents.%s: checkFor: %s is not positive", name, o.CheckFor)
		}
	}
}

// looksLikePostgres matches what PostgreSQL's tools take for a database besides a URL, and what a mistyped URL may be. As the path of a SQLite
// file it would put the password into a file's name.
var looksLikePostgres = regexp.MustCompile(
	`(?i)^postgres\w*:/?(?:[^/]|$)|^(?:\w*//)?[^/]*:[^/]*@|(?:^|[\s?&])(?:host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)

// CheckInbox checks the setting of the inbox without opening it.
func (c Config) CheckInbox() error {
	switch {
	case c.Inbox == "":
		return errors.New("--inbox (SIGNALBOX_INBOX): name the inbox: a SQLite file, or a PostgreSQL database by its URL")
	case postgres.IsAddress(c.Inbox):
		if err := postgres.CheckAddress(c.Inbox); err != nil {
			return fmt.Errorf("--inbox (SIGNALBOX_INBOX): %w", err)
		}
	case looksLikePostgres.MatchString(c.Inbox): // not shown: any part of it may be the password
		return errors.New("--inbox (SIGNALBOX_INBOX): it looks like a PostgreSQL database in another form: want postgres://user:password@host/db, or the path of a SQLite file")
	case strings.Contains(c.Inbox, "://"):
		return fmt.Errorf("--inbox (SIGNALBOX_INBOX): %s: want the path of a SQLite file, or postgres://…", schemeOf(c.Inbox))
	}
	return nil
}

func (c Config) validateWorker(say func(string, ...any)) {
	if c.PublicURL == "" {
		say("--public-url (SIGNALBOX_PUBLIC_URL): set the URL at which Offload reaches the ingress, such as https://hooks.example.com")
	} else if !absoluteHTTP(c.PublicURL) {
		say("--public-url (SIGNALBOX_PUBLIC_URL): %q: want an absolute http or https URL without query", redactURL(c.PublicURL))
	}
	for name, value := range sorted(map[string]string{"TEMPORAL_DEPLOYMENT_NAME": c.DeploymentName, "TEMPORAL_WORKER_BUILD_ID": c.BuildID}) {
		if problem := strayProblem(value); problem != "" {
			say("%s %s", name, problem)
		}
	}
	if c.DeploymentName != "" && c.BuildID == "" {
		say("TEMPORAL_DEPLOYMENT_NAME: has no effect without TEMPORAL_WORKER_BUILD_ID: set both or neither")
	}
	if !offloadapi.UsableRate(c.OffloadCallsPerSecond) {
		say("--offload-calls-per-second (SIGNALBOX_OFFLOAD_CALLS_PER_SECOND): %v: want a positive number, or 0 for no limit", c.OffloadCallsPerSecond)
	}
	if !offloadapi.UsableRate(c.OffloadReadsPerSecond) {
		say("--offload-reads-per-second (SIGNALBOX_OFFLOAD_READS_PER_SECOND): %v: want a positive number, or 0 for no limit", c.OffloadReadsPerSecond)
	}
	if c.WorkflowCache < minWorkflowCache {
		say("--workflow-cache (SIGNALBOX_WORKFLOW_CACHE): %d: want at least %d workflows", c.WorkflowCache, minWorkflowCache)
	}
	if c.BucketMaxFile <= 0 {
		say("--bucket-max-file (SIGNALBOX_BUCKET_MAX_FILE): %d is not positive", c.BucketMaxFile)
	}
	if len(c.Accounts) == 0 {
		say("no Offload account: set SIGNALBOX_OFFLOAD_BASE_URL and SIGNALBOX_OFFLOAD_API_KEY, or accounts in the --config file")
	}
	c.validateNotices(say)
}

// validateAccounts checks the accounts that the parts use: without workers, only those with a URL and a key, for transcripts.
func (c Config) validateAccounts(parts Part, say func(string, ...any)) {
	for name, account := range sorted(c.Accounts) {
		if parts&Worker == 0 && (account.BaseURL == "" || account.APIKey == "") {
			continue
		}
		if name == workflows.CanaryAccount {
			say("accounts.%s: the name is reserved for `signalbox doctor --canary`: choose another", name)
		}
		if !signalbox.Searchable(name) {
			say("accounts.%s: the name %s: choose another", name, unsearchable)
		}
		if err := offloadapi.CheckBaseURL(account.BaseURL); err != nil {
			say("accounts.%s.baseUrl (SIGNALBOX_OFFLOAD_BASE_URL): %w", name, err)
		}
		if err := offloadapi.CheckAPIKey(account.APIKey); err != nil {
			say("accounts.%s.apiKey (SIGNALBOX_OFFLOAD_API_KEY): %w", name, err)
		}
		if !offloadapi.UsableRate(account.CallsPerSecond) {
			say("accounts.%s.callsPerSecond: %v: want a positive number, or 0 for no limit", name, account.CallsPerSecond)
		}
		if !offloadapi.UsableRate(account.ReadsPerSecond) {
			say("accounts.%s.readsPerSecond: %v: want a positive number, or 0 for no limit", name, account.ReadsPerSecond)
		}
	}
}

const unsearchable = "can't be searched for: it has a quote, a backslash, or a character that is not printable ASCII"

func absoluteHTTP(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && !strings.ContainsFunc(s, unicode.IsSpace)
}

// schemeOf returns the scheme of a URL. The rest of a URL with an unknown scheme may hold a password in any place.
func schemeOf(s string) string {
	scheme, _, _ := strings.Cut(s, "://")
	return scheme + "://…"
}

// redactURL returns a URL without its password, for errors.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
