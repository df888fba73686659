package config_test

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
)

const bothParts = config.Ingress | config.Worker

// load reads the settings of a process with the flags args.
func load(t *testing.T, files map[string]string, environ []string, args ...string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(flags, bothParts)
	require.NoError(t, flags.Parse(args))
	return config.Load(flags, config.Source{
		Environ: environ,
		ReadFile: func(path string) ([]byte, error) {
			text, found := files[path]
			if !found {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			return []byte(text), nil
		},
	})
}

var minimal = []string{
	"SIGNALBOX_KEYRING=keys.json",
	"SIGNALBOX_PUBLIC_URL=https://hooks.example.com/",
	"SIGNALBOX_OFFLOAD_BASE_URL=https://offload.example.com/",
	"SIGNALBOX_OFFLOAD_API_KEY=key-1",
}

func TestOneAccountNeedsOnlyTheEnvironment(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, minimal)
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, "https://hooks.example.com", c.PublicURL)
	require.Equal(t, map[string]config.Account{"default": {BaseURL: "https://offload.example.com", APIKey: "key-1"}}, c.Accounts)
	require.Equal(t, ":8080", c.Listen)
	require.Equal(t, int64(1<<20), c.MaxBody)
	require.Equal(t, 15*time.Minute, c.UnmatchedGrace)
	require.Equal(t, 30*24*time.Hour, c.KeepBodies)
	require.Equal(t, 180*24*time.Hour, c.KeepRows)
	require.Equal(t, 2000, c.WorkflowCache)
}

func TestFlagsOverrideTheEnvironment(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, append([]string{"SIGNALBOX_LISTEN=:1", "SIGNALBOX_DRAIN=1s"}, minimal...), "--listen=:2")
	require.NoError(t, err)
	require.Equal(t, ":2", c.Listen)
	require.Equal(t, time.Second, c.Drain)
}

func TestTheInboxIsAFileOrADatabaseAndItsURLMayBeInAFile(t *testing.T) {
	t.Parallel()
	files := map[string]string{"inbox.url": "postgres://signalbox:hunter2@db.example.com/signalbox?sslmode=verify-full\n"}
	for name, row := range map[string]struct {
		environ []string
		args    []string
		want    string
	}{
		"by default":        {nil, nil, "signalbox.db"},
		"a variable":        {[]string{"SIGNALBOX_INBOX=postgres://h/d"}, nil, "postgres://h/d"},
		"a file":            {[]string{"SIGNALBOX_INBOX_FILE=inbox.url"}, nil, "postgres://signalbox:hunter2@db.example.com/signalbox?sslmode=verify-full"},
		"a flag":            {nil, []string{"--inbox=postgresql://h/d"}, "postgresql://h/d"},
		"a flag and a file": {[]string{"SIGNALBOX_INBOX_FILE=inbox.url"}, []string{"--inbox=other.db"}, "other.db"},
	} {
		c, err := load(t, files, append(row.environ, minimal...), row.args...)
		require.NoError(t, err, name)
		require.NoError(t, c.Validate(bothParts), name)
		require.Equal(t, row.want, c.Inbox, name)
		require.Equal(t, name != "by default", c.InboxNamed, name)
	}
}

func TestLimitsHaveDefaultsAndCanBeSet(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, minimal)
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, 4096, c.MaxConnections)
	require.Equal(t, 2*time.Minute, c.IdleTimeout)
	require.Zero(t, c.MaxInFlight)
	require.Zero(t, c.MaxUnverifiedInFlight)
	require.Empty(t, c.TrustedProxies)
	require.Zero(t, c.OffloadCallsPerSecond)
	require.Zero(t, c.OffloadReadsPerSecond)

	files := map[string]string{"s.yaml": "accounts: {a: {baseUrl: 'https://a.example.com', apiKey: k, callsPerSecond: 0.5, readsPerSecond: 20}}"}
	c, err = load(t, files, append([]string{
		"SIGNALBOX_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.1,2001:db8::/32,::ffff:198.51.100.0/120", "SIGNALBOX_IDLE_TIMEOUT=30s", "SIGNALBOX_MAX_CONNECTIONS=10",
		"SIGNALBOX_MAX_IN_FLIGHT=20000000", "SIGNALBOX_MAX_UNVERIFIED_IN_FLIGHT=2000000",
		"SIGNALBOX_OFFLOAD_CALLS_PER_SECOND=2.5", "SIGNALBOX_OFFLOAD_READS_PER_SECOND=10", "SIGNALBOX_CONFIG=s.yaml",
	}, minimal...), "--max-connections=11")
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("198.51.100.0/24"),
	}, c.TrustedProxies)
	require.Equal(t, 30*time.Second, c.IdleTimeout)
	require.Equal(t, 11, c.MaxConnections)
	require.Equal(t, int64(20_000_000), c.MaxInFlight)
	require.Equal(t, int64(2_000_000), c.MaxUnverifiedInFlight)
	require.InDelta(t, 2.5, c.OffloadCallsPerSecond, 0)
	require.InDelta(t, 10, c.OffloadReadsPerSecond, 0)
	require.Equal(t, config.Account{BaseURL: "https://a.example.com", APIKey: "k", CallsPerSecond: 0.5, ReadsPerSecond: 20}, c.Accounts["a"])
}

func TestFilesAreStoredOnlyWithABucket(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, minimal)
	require.NoError(t, err)
	require.Empty(t, c.Bucket)
	require.Equal(t, int64(100<<20), c.BucketMaxFile)
	require.False(t, c.DownloadAllowPrivate)
	require.False(t, c.DownloadAllowHTTP)
	require.Empty(t, c.Scratch)

	c, err = load(t, nil, append([]string{
		"SIGNALBOX_BUCKET=s3://files?region=eu-central-1", "SIGNALBOX_BUCKET_MAX_FILE=5", "SIGNALBOX_DOWNLOAD_ALLOW_PRIVATE=true",
		"SIGNALBOX_DOWNLOAD_ALLOW_HTTP=1", "SIGNALBOX_SCRATCH=/scratch",
	}, minimal...))
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, "s3://files?region=eu-central-1", c.Bucket)
	require.Equal(t, int64(5), c.BucketMaxFile)
	require.True(t, c.DownloadAllowPrivate)
	require.True(t, c.DownloadAllowHTTP)
	require.Equal(t, "/scratch", c.Scratch)
}

func TestTheFileHoldsAccountsAndAgents(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"s.yaml": `
accounts:
  default: {baseUrl: "https://a.example.com", apiKeyFile: key.txt}
  other: {baseUrl: "http://127.0.0.1:8090", apiKey: k2}
agents:
  w9-helper:
    secrets: [new]
    secretFiles: [old.txt]
    checkApprovalQueue: w9
    staleAfter: 10m
`,
		"key.txt": "k1\n",
		"old.txt": "old\r\n",
	}
	c, err := load(t, files, []string{"SIGNALBOX_KEYRING=keys.json", "SIGNALBOX_PUBLIC_URL=https://h.example.com", "SIGNALBOX_CONFIG=s.yaml"})
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, "k1", c.Accounts["default"].APIKey)
	require.Equal(t, "k2", c.Accounts["other"].APIKey)
	require.Equal(t, []string{"new", "old"}, c.Agents["w9-helper"].Secrets)
	require.Equal(t, "w9", c.Agents["w9-helper"].Options.CheckApprovalQueue)
	require.Equal(t, 10*time.Minute, c.Agents["w9-helper"].Options.StaleAfter.Std())
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   map[string]string
		environ []string
		args    []string
		says    []string
	}{
		"nothing set": {says: []string{"SIGNALBOX_KEYRING", "SIGNALBOX_PUBLIC_URL", "SIGNALBOX_OFFLOAD_BASE_URL"}},
		"several": {
			environ: minimal,
			args:    []string{"--listen=nowhere", "--log-level=loud", "--log-format=xml", "--max-body=0", "--drain=0s", "--unmatched-grace=-1s", "--keep-bodies=-1s", "--keep-rows=-1s", "--bucket-max-file=0", "--workflow-cache=9"},
			says:    []string{"--listen", "--log-level", "--log-format", "--max-body", "--drain", "--unmatched-grace", "--keep-bodies", "--keep-rows", "--bucket-max-file", "--workflow-cache (SIGNALBOX_WORKFLOW_CACHE): 9: want at least 10 workflows"},
		},
		"limits that can't be": {
			environ: minimal,
			args:    []string{"--max-in-flight=1048576", "--max-unverified-in-flight=-1", "--max-connections=0", "--idle-timeout=0s", "--offload-calls-per-second=-1", "--offload-reads-per-second=NaN"},
			says: []string{
				"--max-in-flight (SIGNALBOX_MAX_IN_FLIGHT): 1048576: want at least 2097154 bytes", "--max-unverified-in-flight (SIGNALBOX_MAX_UNVERIFIED_IN_FLIGHT)", "--max-connections (SIGNALBOX_MAX_CONNECTIONS)", "--idle-timeout (SIGNALBOX_IDLE_TIMEOUT)",
				"--offload-calls-per-second (SIGNALBOX_OFFLOAD_CALLS_PER_SECOND)", "--offload-reads-per-second (SIGNALBOX_OFFLOAD_READS_PER_SECOND)",
			},
		},
		"budgets just too small": {
			environ: minimal, args: []string{"--max-body=8000", "--max-in-flight=16001", "--max-unverified-in-flight=8000"},
			says: []string{"--max-in-flight (SIGNALBOX_MAX_IN_FLIGHT): 16001: want at least 16002 bytes", "--max-unverified-in-flight (SIGNALBOX_MAX_UNVERIFIED_IN_FLIGHT): 8000: want at least 8001 bytes"},
		},
		"budgets below the first buffers": {
			environ: minimal, args: []string{"--max-body=1000", "--max-in-flight=8191", "--max-unverified-in-flight=4095"},
			says: []string{"8191: want at least 8192 bytes", "4095: want at least 4096 bytes"},
		},
		"a cap that memory can't hold": {environ: minimal, args: []string{"--max-body=9223372036854775807"}, says: []string{"--max-body (SIGNALBOX_MAX_BODY): 9223372036854775807: want 1 to 67108864 bytes"}},
		"proxies that are none": {
			environ: append([]string{"SIGNALBOX_TRUSTED_PROXIES=proxy.internal,10.0.0.0/33,fe80::1%eth0,0.0.0.0/0,::ffff:0:0/96"}, minimal...),
			says:    []string{"--trusted-proxies (SIGNALBOX_TRUSTED_PROXIES)", `"proxy.internal"`, `"10.0.0.0/33"`, `"fe80::1%eth0"`, "0.0.0.0/0 would trust every sender", "::ffff:0:0/96 would trust every sender"},
		},
		"an account's rates that are none": {
			files: map[string]string{"s.yaml": "accounts: {a: {baseUrl: 'https://a.example.com', apiKey: k, callsPerSecond: -1, readsPerSecond: .inf}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"accounts.a.callsPerSecond: -1", "accounts.a.readsPerSecond"},
		},
		"the canary's account": {
			files: map[string]string{"s.yaml": "accounts: {~canary: {baseUrl: 'https://a.example.com', apiKey: k}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"accounts.~canary", "choose another"},
		},
		"an account that can't be searched for": {
			files: map[string]string{"s.yaml": `accounts: {"Büro": {baseUrl: 'https://a.example.com', apiKey: k}, "o'neill": {baseUrl: 'https://a.example.com', apiKey: k}}`}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"accounts.Büro: the name", "accounts.o'neill: the name", "printable ASCII"},
		},
		"a shared secret that a URL's path can't hold": {
			files: map[string]string{"s.yaml": "shared: {secrets: ['hunter2hunter2/hunter2', 'hunter2hunter2%41', 'hunter2hunter2?hunter2', \"hunter2hunter2\\thunter2\", \"hunter2hunter2\\u200bhunter2\"]}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"shared secret 1 (SIGNALBOX_SHARED_SECRET", "shared secret 2", "shared secret 3", "shared secret 4", "shared secret 5", "can't hold"},
		},
		"secrets with what a file's would lose": {
			files: map[string]string{"s.yaml": "agents: {a: {secrets: [\"hunter2\\n\"]}, b: {secrets: [' hunter2']}, c: {secrets: [\"hunter\\t2\"]}}\naccounts: {d: {baseUrl: 'https://a.example.com', apiKey: 'hunter2 '}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"agents.a: secret 1 has", "agents.b: secret 1 has", "agents.c: secret 1 has", "accounts.d.apiKey (SIGNALBOX_OFFLOAD_API_KEY): must have only"},
		},
		"keys that no header can hold": {
			files: map[string]string{"s.yaml": "accounts: {a: {baseUrl: 'https://a.example.com', apiKey: 'hunter2 hunter2'}, b: {baseUrl: 'https://a.example.com', apiKeyFile: f}}", "f": "hünter2hunter2\n"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...),
			says: []string{"accounts.a.apiKey (SIGNALBOX_OFFLOAD_API_KEY): must have only printable ASCII", "accounts.b.apiKey (SIGNALBOX_OFFLOAD_API_KEY): must have only printable ASCII"},
		},
		"values with what another tool has added": {
			environ: append([]string{"SIGNALBOX_INBOX=hunter2.db\n", "SIGNALBOX_BUCKET=file:///hunter2 ", "SIGNALBOX_SCRATCH=/hunt\ter2"}, minimal...), args: []string{"--keyring= hunter2.json"},
			says: []string{
				"--inbox (SIGNALBOX_INBOX) has spaces or line ends around it: remove them", "--bucket (SIGNALBOX_BUCKET) has spaces", "--scratch (SIGNALBOX_SCRATCH) has control characters",
				"--keyring (SIGNALBOX_KEYRING) has spaces",
			},
		},
		"secrets where their files are wanted": {
			files: map[string]string{"s.yaml": "accounts: {a: {baseUrl: 'https://a.example.com', apiKeyFile: hunter2}}\nagents: {b: {secretFiles: [hunter2/hunter2+hunter2==]}}"},
			environ: append([]string{
				"SIGNALBOX_CONFIG=s.yaml", "SIGNALBOX_INTERNAL_TOKENS=operator:hunter2", "SIGNALBOX_INBOX_FILE=postgres://u:hunter2@h/d", "SIGNALBOX_SHARED_SECRET_FILE=hunter2hunter2",
				"SIGNALBOX_INTERNAL_TLS_CERT=/run/tls/cert.pem", "SIGNALBOX_INTERNAL_TLS_KEY=-----BEGIN PRIVATE KEY----- hunter2",
			}, minimal...),
			says: []string{
				"accounts.a.apiKeyFile: want the path of a file; the value is not shown", "agents.b.secretFiles: want the path", "--internal-tokens (SIGNALBOX_INTERNAL_TOKENS): want the path",
				"SIGNALBOX_INBOX_FILE: want the path", "SIGNALBOX_SHARED_SECRET_FILE: want the path", "/run/tls/cert.pem", "SIGNALBOX_INTERNAL_TLS_KEY): want PEM files",
			},
		},
		"a secret's file with a line end":      {environ: append([]string{"SIGNALBOX_SHARED_SECRET_FILE=/run/secrets/shared\n"}, minimal...), says: []string{`SIGNALBOX_SHARED_SECRET_FILE: "/run/secrets/shared\n" begins or ends with a space or a line end: remove it`}},
		"a switch that is neither on nor off":  {environ: append([]string{"SIGNALBOX_DOWNLOAD_ALLOW_HTTP=maybe"}, minimal...), says: []string{"SIGNALBOX_DOWNLOAD_ALLOW_HTTP", "maybe"}},
		"a cache that is no number":            {environ: append([]string{"SIGNALBOX_WORKFLOW_CACHE=all"}, minimal...), says: []string{"SIGNALBOX_WORKFLOW_CACHE", "all"}},
		"bodies that outlive their rows":       {environ: minimal, args: []string{"--keep-bodies=2h", "--keep-rows=1h"}, says: []string{"--keep-rows", "stay longer than its row"}},
		"variable that doesn't parse":          {environ: append([]string{"SIGNALBOX_DRAIN=soon"}, minimal...), says: []string{"SIGNALBOX_DRAIN", "soon"}},
		"empty shared secret":                  {environ: append([]string{"SIGNALBOX_SHARED_SECRET="}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET"}},
		"empty shared secret file":             {files: map[string]string{"f": "\n"}, environ: append([]string{"SIGNALBOX_SHARED_SECRET_FILE=f"}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET_FILE"}},
		"secret twice":                         {files: map[string]string{"f": "x"}, environ: append([]string{"SIGNALBOX_OFFLOAD_API_KEY_FILE=f"}, minimal...), says: []string{"SIGNALBOX_OFFLOAD_API_KEY_FILE"}},
		"empty API key":                        {environ: []string{"SIGNALBOX_OFFLOAD_BASE_URL=https://a.example.com", "SIGNALBOX_OFFLOAD_API_KEY="}, says: []string{"accounts.default.apiKey"}},
		"a URL without TLS":                    {environ: []string{"SIGNALBOX_OFFLOAD_BASE_URL=http://offload.internal/hunter2", "SIGNALBOX_OFFLOAD_API_KEY=hunter2 hunter2"}, says: []string{"SIGNALBOX_KEYRING", "accounts.default.baseUrl (SIGNALBOX_OFFLOAD_BASE_URL): use https for offload.internal", "accounts.default.apiKey"}},
		"a URL with credentials":               {environ: []string{"SIGNALBOX_OFFLOAD_BASE_URL=https://hunter2:hunter2@offload.example.com", "SIGNALBOX_OFFLOAD_API_KEY=k"}, says: []string{"(SIGNALBOX_OFFLOAD_BASE_URL): must have no user name or password"}},
		"a key where the URL belongs":          {environ: []string{"SIGNALBOX_OFFLOAD_BASE_URL=hunter2", "SIGNALBOX_OFFLOAD_API_KEY=k"}, says: []string{"(SIGNALBOX_OFFLOAD_BASE_URL): want an absolute https URL"}},
		"URLs with spaces":                     {environ: []string{"SIGNALBOX_PUBLIC_URL=https://h.example.com/a b", "SIGNALBOX_OFFLOAD_BASE_URL=https://offload.example.com/prod ", "SIGNALBOX_OFFLOAD_API_KEY=k"}, says: []string{"--public-url (SIGNALBOX_PUBLIC_URL): \"https://h.example.com/a%20b\": want an absolute", "accounts.default.baseUrl (SIGNALBOX_OFFLOAD_BASE_URL): want an absolute https URL without spaces"}},
		"a build ID with a line end":           {environ: append([]string{"TEMPORAL_WORKER_BUILD_ID=b1\n"}, minimal...), says: []string{"TEMPORAL_WORKER_BUILD_ID has spaces or line ends around it"}},
		"a configuration instead of its file":  {environ: append([]string{"SIGNALBOX_CONFIG=shared: {secrets: [hunter2]}"}, minimal...), says: []string{"--config (SIGNALBOX_CONFIG): want the path of a file; the value is not shown"}},
		"account without a URL":                {environ: []string{"SIGNALBOX_OFFLOAD_API_KEY=k"}, says: []string{"accounts.default.baseUrl"}},
		"inbox of another kind":                {environ: append([]string{"SIGNALBOX_INBOX=mysql://u:hunter2@h/d"}, minimal...), says: []string{"--inbox", "mysql://", "SQLite", "postgres://"}},
		"inbox by keywords":                    {environ: append([]string{"SIGNALBOX_INBOX=host=db user=x password=hunter2 dbname=inbox"}, minimal...), says: []string{"--inbox (SIGNALBOX_INBOX)", "want postgres://user:password@host/db, or the path of a SQLite file"}},
		"inbox by keywords with a URL":         {environ: append([]string{"SIGNALBOX_INBOX=password = hunter2://x dbname = inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox with half a scheme":             {environ: append([]string{"SIGNALBOX_INBOX=postgres:/user:hunter2@db/inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox without slashes":                {environ: append([]string{"SIGNALBOX_INBOX=postgresql:user:hunter2@db/inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox without a scheme":               {environ: append([]string{"SIGNALBOX_INBOX=user:hunter2@db/inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox without a colon":                {environ: append([]string{"SIGNALBOX_INBOX=postgres//user:hunter2@db/inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox without a name of a scheme":     {environ: append([]string{"SIGNALBOX_INBOX=//user:hunter2@db/inbox"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox by a URL of Java":               {environ: append([]string{"SIGNALBOX_INBOX=jdbc:postgresql:db?user=u&password=hunter2"}, minimal...), says: []string{"--inbox", "want postgres://user"}},
		"inbox address out of order":           {environ: append([]string{"SIGNALBOX_INBOX=postgres://u:hunter2@h:port/d"}, minimal...), says: []string{"--inbox", "percent-encoded"}},
		"inbox parameter out of order":         {environ: append([]string{"SIGNALBOX_INBOX=postgres://u:hunter2@h/d?sslmode=perhaps"}, minimal...), says: []string{"--inbox", "sslmode"}},
		"inbox twice":                          {files: map[string]string{"f": "x"}, environ: append([]string{"SIGNALBOX_INBOX=postgres://u:hunter2@h/d", "SIGNALBOX_INBOX_FILE=f"}, minimal...), says: []string{"SIGNALBOX_INBOX_FILE"}},
		"inbox file that is missing":           {environ: append([]string{"SIGNALBOX_INBOX_FILE=secrets/none.txt"}, minimal...), says: []string{"SIGNALBOX_INBOX_FILE", "secrets/none.txt"}},
		"missing file":                         {environ: append([]string{"SIGNALBOX_CONFIG=none.yaml"}, minimal...), says: []string{"SIGNALBOX_CONFIG", "none.yaml"}},
		"internal listener that all can reach": {environ: minimal, args: []string{"--internal-listen=:8081"}, says: []string{"--internal-listen", "--internal-tokens", "--internal-tls-cert", "--internal-plain"}},
		"internal listener without tokens":     {environ: minimal, args: []string{"--internal-listen=10.0.0.1:8081", "--internal-plain"}, says: []string{"--internal-tokens (SIGNALBOX_INTERNAL_TOKENS)"}},
		"internal listener that is nowhere":    {environ: minimal, args: []string{"--internal-listen=8081"}, says: []string{"--internal-listen"}},
		"a Web UI that is nowhere":             {environ: minimal, args: []string{"--web-ui-url=localhost:8233"}, says: []string{"--web-ui-url", "SIGNALBOX_WEB_UI_URL"}},
		"payloads that nothing opens":          {environ: minimal, args: []string{"--payload-decrypt-only", "--codec-origins=https://temporal.example.com"}, says: []string{"--payload-decrypt-only (SIGNALBOX_PAYLOAD_DECRYPT_ONLY): it needs --payload-keys", "--codec-origins (SIGNALBOX_CODEC_ORIGINS)", "there is no codec server"}},
		"origins that browsers do not send":    {environ: append([]string{"SIGNALBOX_CODEC_ORIGINS=*,https://a.example.com/ui,b.example.com"}, minimal...), args: []string{"--payload-keys=p.json"}, says: []string{`"*"`, `"https://a.example.com/ui"`, `"b.example.com"`, "want an origin"}},
		"half a pair":                          {environ: minimal, args: []string{"--internal-tls-cert=c.pem"}, says: []string{"--internal-tls-key", "both or neither"}},
		"a pair that is none":                  {files: map[string]string{"c.pem": "x", "k.pem": "y"}, environ: minimal, args: []string{"--internal-tls-cert=c.pem", "--internal-tls-key=k.pem"}, says: []string{"--internal-tls-cert"}},
		"tokens that are none":                 {files: map[string]string{"t": "ann\n"}, environ: minimal, args: []string{"--internal-tokens=t"}, says: []string{"--internal-tokens", "t: entry 1", "name:token"}},
		"no token at all":                      {files: map[string]string{"t": "", "u": "[]"}, environ: minimal, args: []string{"--internal-tokens=t,u"}, says: []string{"--internal-tokens", "no file has a token"}},
		"a short token":                        {files: map[string]string{"t": "ann:hunter2"}, environ: minimal, args: []string{"--internal-tokens=t"}, says: []string{"ann", "16"}},
		"the same token twice":                 {files: map[string]string{"t": "ann:0123456789abcdef\nbob:0123456789abcdef"}, environ: minimal, args: []string{"--internal-tokens=t"}, says: []string{"ann", "bob", "same token"}},
		"a negative delay":                     {environ: minimal, args: []string{"--drain-delay=-1s"}, says: []string{"--drain-delay (SIGNALBOX_DRAIN_DELAY)"}},
		"a shared secret to be guessed":        {environ: append([]string{"SIGNALBOX_SHARED_SECRET=fifteen-letters"}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET", "16 characters"}},
		"a shared secret with a line end":      {environ: append([]string{"SIGNALBOX_SHARED_SECRET=hunter2hunter2hunter2\n"}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET", "can't hold"}},
		"a grace time of nothing":              {environ: minimal, args: []string{"--unmatched-grace=0s"}, says: []string{"--unmatched-grace (SIGNALBOX_UNMATCHED_GRACE): 0s is not positive"}},
		"a shared secret in UTF-16":            {files: map[string]string{"f": "\xff\xfes\x00e\x00"}, environ: append([]string{"SIGNALBOX_SHARED_SECRET_FILE=f"}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET_FILE: f is UTF-16", "save it as UTF-8"}},
		"two secrets in one file":              {files: map[string]string{"f": "secret-1\nsecret-2\n"}, environ: append([]string{"SIGNALBOX_SHARED_SECRET_FILE=f"}, minimal...), says: []string{"SIGNALBOX_SHARED_SECRET_FILE: f has 2 lines", "a separate file"}},
		"a deployment without a build":         {environ: append([]string{"TEMPORAL_DEPLOYMENT_NAME=orders"}, minimal...), says: []string{"TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"}},
		"misspelt setting":                     {files: map[string]string{"s.yaml": "agents: {a: {secret: x}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"s.yaml: ", "line 1: there is no field secret: want one of secrets, secretFiles, checkApprovalQueue, checkFor, "}},
		"a secret that is not in a list":       {files: map[string]string{"s.yaml": "agents:\n  w9: {secrets: hunter2}\ncallbacks:\n  a: {secrets: hunter2}\nshared: {secrets: hunter2}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"s.yaml: line 2: has a wrong type: want a list of texts; line 4: has a wrong type: want a list of texts; line 5: has a wrong"}},
		"a long secret that is not in a list":  {files: map[string]string{"s.yaml": "agents:\n  w9: {secrets: hunter2-0123456789abcdef0123456789abcdef}\ncallbacks:\n  a: {secrets: hunter2-0123456789abcdef0123456789abcdef}\nshared: {secrets: hunter2-0123456789abcdef0123456789abcdef}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"line 2: has a wrong type", "line 4: ", "line 5: "}},
		"secrets where a section is wanted":    {files: map[string]string{"s.yaml": "agents:\n  w9: hunter2\naccounts:\n  a: {apiKey: [hunter2], callsPerSecond: hunter2}\ncallbacks:\n  b: {allowHTTP: hunter2}\nshared: \"a into hunter2\""}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"line 2: has a wrong type: want a mapping", "line 4: has a wrong type: want a text", "line 4: has a wrong type: want a number", "line 6: has a wrong type: want true or false", "line 7: has a wrong type: want a mapping"}},
		"a secret that begins with a star":     {files: map[string]string{"s.yaml": "shared: {secrets: [*hunter2]}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"s.yaml", "begins with * must be in quotes"}},
		"durations without a unit":             {files: map[string]string{"s.yaml": "agents:\n  w9:\n    secrets: [x]\n    staleAfter: 5\n    checkFor: [1m]\n  w4: {secrets: [x], warnBefore: soon}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{`s.yaml: line 4: agents.w9.staleAfter: duration "5": want a number with a unit`, "line 5: agents.w9.checkFor: duration", `s.yaml: line 6: agents.w4.warnBefore: duration "soon"`}},
		"a second document":                    {files: map[string]string{"s.yaml": "agents: {a: {secrets: [x]}}\n---\nagents: {b: {secrets: [y]}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"s.yaml", "more than one YAML document"}},
		"agent without a secret":               {files: map[string]string{"s.yaml": "agents: {a: {}, b: {secrets: [\"\"]}, 'c/d': {secrets: [x], staleAfter: 1m, warnBefore: 2m}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"agents.a", "agents.b", "agents.c/d: invalid agent", "warnBefore"}},
		"account twice":                        {files: map[string]string{"s.yaml": "accounts: {default: {baseUrl: 'https://a.example.com', apiKey: k}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"accounts.default"}},
		"a queue that Temporal refuses":        {files: map[string]string{"s.yaml": "agents: {a: {secrets: [x], checkApprovalQueue: /_sys/pages}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"agents.a", "checkApprovalQueue"}},
		"missing secret file":                  {files: map[string]string{"s.yaml": "accounts: {a: {apiKeyFile: none}}\nagents: {b: {secretFiles: [none]}}"}, environ: append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...), says: []string{"accounts.a.apiKeyFile", "agents.b.secretFiles"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, c.files, c.environ, c.args...)
			if err == nil {
				err = got.Validate(bothParts)
			}
			require.Error(t, err)
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestEachPartNeedsOnlyItsOwnSettings(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, []string{"SIGNALBOX_KEYRING=keys.json"})
	require.NoError(t, err)
	require.NoError(t, c.Validate(config.Ingress))
	require.ErrorContains(t, c.Validate(config.Worker), "SIGNALBOX_OFFLOAD_BASE_URL")

	c.Accounts = map[string]config.Account{"unused": {BaseURL: "http://offload.internal"}}
	require.NoError(t, c.Validate(config.Ingress), "it has no key, so no transcript can be read with it")
	c.Accounts["used"] = config.Account{BaseURL: "http://offload.internal", APIKey: "k"}
	require.ErrorContains(t, c.Validate(config.Ingress), "accounts.used.baseUrl (SIGNALBOX_OFFLOAD_BASE_URL): use https")
}

func TestAStopLeavesTimeToStoreWhatWasReceived(t *testing.T) {
	t.Parallel()
	drain := func(d time.Duration) config.Config {
		c, err := load(t, nil, minimal, "--drain="+d.String())
		require.NoError(t, err)
		return c
	}
	require.ErrorContains(t, drain(8*time.Second).Validate(config.Ingress), "--drain (SIGNALBOX_DRAIN): 8s: want more than 8s, for which a webhook may wait to be stored")
	require.NoError(t, drain(9*time.Second).Validate(config.Ingress|config.Worker))
	require.NoError(t, drain(time.Second).Validate(config.Worker), "a worker stores no webhooks")
	require.ErrorContains(t, drain(0).Validate(config.Worker), "0s is not positive")
}

func TestTheREADMEListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(flags, bothParts)
	flags.VisitAll(func(f *pflag.Flag) {
		require.Contains(t, string(readme), "`--"+f.Name+"`")
	})
}

func TestTokensAreReadFromLinesOrYAMLInSeveralFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"lines": "\uFEFF# operators\r\nann: 0123456789abcdef\r\n\r\nbob:fedcba9876543210\r\n",
		"empty": "\n",
		"yaml":  "- name: ci\n  token: 0123456789abcdef-ci\n  scopes: [cases:read, cases:write]\n  accounts: [emea]\n- {name: ann, token: 0123456789abcdef-next, scopes: [admin]}\n",
	}
	c, err := load(t, files, minimal, "--internal-listen=0.0.0.0:8081", "--internal-tokens=lines,empty,yaml", "--internal-plain")
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	tokens := c.Internal.Tokens.TokenSet()
	require.Equal(t, 4, tokens.Len())
	admin := []api.Scope{api.ScopeAdmin}
	for secret, want := range map[string]api.Token{
		"0123456789abcdef": {Name: "ann", Scopes: admin}, "fedcba9876543210": {Name: "bob", Scopes: admin}, "0123456789abcdef-next": {Name: "ann", Scopes: admin},
		"0123456789abcdef-ci": {Name: "ci", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeCasesWrite}, Accounts: []string{"emea"}},
	} {
		found, ok := tokens.Find(secret)
		require.True(t, ok)
		require.Equal(t, want, found)
	}
	require.True(t, c.Internal.HTTP().AnyHost)
}

func TestATokenFileInYAMLMayBeginWithAComment(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"# the CRM\n", "\n  # the CRM\n\n# of production\n", "---\n# the CRM\n"} {
		files := map[string]string{"t": before + "- name: crm-agent-production\n  token: 91ab0123456789abcdef\n  scopes: [activations:read]\n"}
		c, err := load(t, files, minimal, "--internal-tokens=t")
		require.NoError(t, err, before)
		tokens := c.Internal.Tokens.TokenSet()
		require.Equal(t, 1, tokens.Len())
		found, ok := tokens.Find("91ab0123456789abcdef")
		require.True(t, ok)
		require.Equal(t, api.Token{Name: "crm-agent-production", Scopes: []api.Scope{api.ScopeActivationsRead}}, found)
	}
}

func TestALineOfYAMLIsNoToken(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"- name: crm-agent-production", "token: 91ab0123456789abcdef", "scopes: activations:read,0123", "accounts: emea-0123456789abcdef", "agents: crm-0123456789abcdef",
		"-91ab0123456789abcdef",
	} {
		_, err := load(t, map[string]string{"t": "ann: 0123456789abcdef\n" + line + "\n"}, minimal, "--internal-tokens=t")
		require.ErrorContains(t, err, "t: entry 2 looks like YAML", line)
		require.NotContains(t, err.Error(), "91ab")
	}
}

func TestATokenWithAListThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	for list, says := range map[string]string{
		"accounts: []":             "leave it out for all of them",
		"agents: []":               "leave it out for all of them",
		`accounts: [ok, "Büro"]`:   `"Büro" can't be searched for`,
		`accounts: ["a\\b"]`:       `"a\\b" can't be searched for`,
		`agents: ["it's", "good"]`: `"it's" can't be searched for`,
	} {
		files := map[string]string{"yaml": "- {name: shop, token: 0123456789abcdef, scopes: [admin], " + list + "}\n"}
		_, err := load(t, files, minimal, "--internal-tokens=yaml")
		require.ErrorContains(t, err, says, list)
	}
}

func TestSpaceAroundASecretIsRemoved(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"secret-1", "secret-1\n", "\uFEFFsecret-1\r\n", "  secret-1\t\n\n"} {
		c, err := load(t, map[string]string{"f": text}, append([]string{"SIGNALBOX_SHARED_SECRET_FILE=f"}, minimal...))
		require.NoError(t, err)
		require.Equal(t, []string{"secret-1"}, c.SharedSecrets, "%q", text)
	}
}

func TestTheSharedRouteCanHaveTwoSecrets(t *testing.T) {
	t.Parallel()
	files := map[string]string{"s.yaml": "shared: {secrets: [the-secret-of-may], secretFiles: [old]}", "old": "the-secret-of-april\n"}
	c, err := load(t, files, append([]string{"SIGNALBOX_CONFIG=s.yaml"}, minimal...))
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, []string{"the-secret-of-may", "the-secret-of-april"}, c.SharedSecrets)
}

func TestAnUnknownVariableIsReportedWithTheNearestName(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, append([]string{"SIGNALBOX_PUBLIC_ULR=x", "SIGNALBOX_SHARED_SECERT_FILE=x", "SIGNALBOX_ZZ=x", "SIGNALBOX_LISTEN=:1"}, minimal...))
	require.NoError(t, err)
	require.Equal(t, []string{
		"SIGNALBOX_PUBLIC_ULR is not a setting and has no effect: did you mean SIGNALBOX_PUBLIC_URL?",
		"SIGNALBOX_SHARED_SECERT_FILE is not a setting and has no effect: did you mean SIGNALBOX_SHARED_SECRET_FILE?",
		"SIGNALBOX_ZZ is not a setting and has no effect",
	}, c.Unknown)
}

func TestTheWorkersVersionComesFromTemporalsOwnVariables(t *testing.T) {
	t.Parallel()
	c, err := load(t, nil, append([]string{"TEMPORAL_WORKER_BUILD_ID=b1"}, minimal...))
	require.NoError(t, err)
	require.Equal(t, []string{"signalbox", "b1"}, []string{c.DeploymentName, c.BuildID})
	c, err = load(t, nil, append([]string{"TEMPORAL_WORKER_BUILD_ID=b1", "TEMPORAL_DEPLOYMENT_NAME=orders"}, minimal...))
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, "orders", c.DeploymentName)
}

func TestAWorkerProcessHasAnotherInternalAddressThanAnIngress(t *testing.T) {
	t.Parallel()
	for parts, address := range map[config.Part]string{bothParts: "127.0.0.1:8081", config.Ingress: "127.0.0.1:8081", config.Worker: "127.0.0.1:8082"} {
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		config.Flags(flags, parts)
		c, err := config.Load(flags, config.Source{Environ: minimal})
		require.NoError(t, err)
		require.Equal(t, address, c.Internal.Listen)
	}
}

const signingSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func TestCallbacksAndTheirDefaultsAreRead(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"s.yaml": `
callbacks:
  finance: {url: "https://finance.example.com/signalbox?tenant=7", secrets: [` + signingSecret + `], secretFiles: [old.txt]}
  audit: {url: "http://127.0.0.1:9000/", secrets: [` + signingSecret + `], allowPrivate: true, allowHTTP: true}
accounts:
  default: {baseUrl: "https://a.example.com", apiKey: k1, notify: [finance, audit]}
agents:
  pages:
    secrets: [s]
    notify: [finance]
    handOver: {workflowType: page, taskQueue: pages}
`,
		"old.txt": signingSecret + "\n",
	}
	c, err := load(t, files, []string{"SIGNALBOX_KEYRING=keys.json", "SIGNALBOX_PUBLIC_URL=https://h.example.com", "SIGNALBOX_CONFIG=s.yaml"})
	require.NoError(t, err)
	require.NoError(t, c.Validate(bothParts))
	require.Equal(t, map[string]config.Callback{
		"finance": {URL: "https://finance.example.com/signalbox?tenant=7", Secrets: []string{signingSecret, signingSecret}},
		"audit":   {URL: "http://127.0.0.1:9000/", Secrets: []string{signingSecret}, AllowPrivate: true, AllowHTTP: true},
	}, c.Callbacks)
	require.Equal(t, []string{"finance", "audit"}, c.Accounts["default"].Notify)
	require.Equal(t, []string{"finance"}, c.Agents["pages"].Notify)
	require.Equal(t, &workflows.HandOver{WorkflowType: "page", TaskQueue: "pages"}, c.Agents["pages"].HandOver)
}

func TestMistakesOfCallbacksAreReportedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	files := map[string]string{"s.yaml": `
callbacks:
  "bad name": {url: "https://a.example.com", secrets: [` + signingSecret + `]}
  none: {}
  plain: {url: "http://a.example.com?t=hunter2", secrets: [hunter2]}
  user: {url: "https://u:hunter2@a.example.com", secrets: ["whsec_hunter2!"]}
  near: {url: "https://10.0.0.1/", secrets: [whsec_aHVudGVyMg==]}
  odd: {url: "ftp://a.example.com", secrets: [` + signingSecret + `]}
  far: {url: "https://a.example.com/hunter2 ", secrets: [` + signingSecret + `]}
  lines: {url: "https://a.example.com", secrets: ["` + signingSecret + `\n", "whsec_aHVud\nGVyMg=="]}
accounts:
  default: {baseUrl: "https://a.example.com", apiKey: k1, notify: [finances]}
agents:
  pages: {secrets: [s], notify: [near, near, other], handOver: {taskQueue: signalbox}}
  notify: {secrets: [s], handOver: {workflowType: page, taskQueue: pages}}
`}
	c, err := load(t, files, []string{"SIGNALBOX_KEYRING=keys.json", "SIGNALBOX_PUBLIC_URL=https://h.example.com", "SIGNALBOX_CONFIG=s.yaml"})
	require.NoError(t, err)
	err = c.Validate(bothParts)
	for _, says := range []string{
		"callbacks.bad name: the name must have", "callbacks.none.url: missing", "callbacks.none: 0 secrets", "callbacks.plain.url: unencrypted: use https, or set allowHTTP",
		"callbacks.plain: secret 1: does not begin with whsec_", "callbacks.user.url: has credentials", "callbacks.user: secret 1: the part after whsec_ is not base64",
		"callbacks.near.url: private address", "allowPrivate", "callbacks.near: secret 1: has 7 bytes, want 24 to 64",
		"callbacks.lines: secret 1: has spaces or line ends around it", "callbacks.lines: secret 2: has control characters", "callbacks.odd.url: want an absolute URL", "callbacks.far.url: want an absolute URL",
		`accounts.default.notify: no callback "finances" is configured (configured: bad name, far, lines, near, none`, `agents.pages: invalid argument: notify[1]: "near" is named twice`,
		`agents.pages.notify: no callback "other" is configured`, "handOver.workflowType: it is missing", `handOver.taskQueue: "signalbox" is polled by Signalbox's own workers`,
		"agents.notify.handOver: invalid agent",
	} {
		require.ErrorContains(t, err, says)
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.NoError(t, c.Validate(config.Ingress), "the ingress posts no notices")
}
