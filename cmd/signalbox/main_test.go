package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/internal/temporalconn"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

type result struct {
	status   int
	out, err string
}

// command runs a command line without the machine's own environment.
func command(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	return commandWith(t, environ, client.DialContext, args...)
}

func commandWith(t *testing.T, environ []string, dial func(context.Context, client.Options) (client.Client, error), args ...string) result {
	t.Helper()
	return testProcess(environ, dial, storage.OpenExisting).result(t, args)
}

// commandOn runs a command line on the inbox as wrap makes it.
func commandOn(t *testing.T, environ []string, wrap func(inbox.Store) inbox.Store, args ...string) result {
	t.Helper()
	return testProcess(environ, client.DialContext, func(ctx context.Context, where string) (inbox.Store, error) {
		store, err := storage.OpenExisting(ctx, where)
		if err != nil {
			return nil, err
		}
		return wrap(store), nil
	}).result(t, args)
}

func testProcess(environ []string, dial func(context.Context, client.Options) (client.Client, error), open func(context.Context, string) (inbox.Store, error)) process {
	return process{
		settings: config.Source{Environ: environ, ReadFile: os.ReadFile},
		temporal: temporalconn.Source{Environ: environ, ReadFile: os.ReadFile},
		now:      time.Now,
		editing:  new(atomic.Bool),

		completionTime: time.Minute,
		dialTemporal:   dial,
		openInbox:      open,
	}
}

func (p process) result(t *testing.T, args []string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	p.in, p.out, p.err = strings.NewReader(""), &out, &errOut
	status := p.run(t.Context(), args)
	return result{status, out.String(), errOut.String()}
}

func TestKeysAreCreatedOnceStagedAndPromotedInPlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, command(t, nil, "keys", "create", path).status)
	first := readRing(t, path)
	token := first.Token("x")

	again := command(t, nil, "keys", "create", path)
	require.Equal(t, 2, again.status)
	require.Contains(t, again.err, "keys stage")
	require.Zero(t, command(t, nil, "keys", "create", path, "--if-missing").status)
	require.Equal(t, token, readRing(t, path).Token("x"), "the keys that were there are there still")

	none := command(t, nil, "keys", "promote", path)
	require.Equal(t, 2, none.status)
	require.Contains(t, none.err, "keys stage")
	require.Zero(t, command(t, nil, "keys", "stage", path).status)
	staged := readRing(t, path)
	require.Equal(t, token, staged.Token("x"), "a staged key is not used yet")
	twice := command(t, nil, "keys", "stage", path)
	require.Zero(t, twice.status)
	require.Contains(t, twice.out, "already")
	require.Equal(t, staged.String(), readRing(t, path).String())

	require.NoError(t, os.Chmod(path, 0o644))
	got := command(t, nil, "keys", "promote", path)
	require.Zero(t, got.status)
	require.Contains(t, got.err, "chmod 600")
	promoted := readRing(t, path)
	require.NotEqual(t, token, promoted.Token("x"))
	require.NoError(t, staged.VerifyToken(promoted.Token("x"), "x"), "who knows the staged key takes the new token")
	require.NoError(t, promoted.VerifyToken(token, "x"))
	require.Equal(t, 2, command(t, nil, "keys", "stage", path+".none").status)
}

func readRing(t *testing.T, path string) *keyring.Ring {
	t.Helper()
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	ring, err := keyring.Parse(document)
	require.NoError(t, err)
	return ring
}

func TestWebhookURLPrintsACapabilityURLThatTheIngressAccepts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, command(t, nil, "keys", "create", path).status)
	got := command(t, []string{"SIGNALBOX_KEYRING=" + path, "SIGNALBOX_PUBLIC_URL=https://hooks.example.com"}, "webhook", "url", "vendor_2048")
	require.Zero(t, got.status, got.err)
	token, found := strings.CutPrefix(got.out, "https://hooks.example.com/webhooks/offload/vendor_2048/")
	require.True(t, found, got.out)
	require.NoError(t, readRing(t, path).VerifyToken(strings.TrimSpace(token), workflows.OffloadTokenContext("vendor_2048")...))
}

func TestAWrongSettingIsNamedAndExitsWithTwo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		args    []string
		says    []string
	}{
		"serve without anything":   {nil, []string{"serve"}, []string{"SIGNALBOX_KEYRING", "SIGNALBOX_PUBLIC_URL", "SIGNALBOX_OFFLOAD_API_KEY"}},
		"ingress without keys":     {nil, []string{"ingress"}, []string{"SIGNALBOX_KEYRING"}},
		"keys that are not there":  {[]string{"SIGNALBOX_KEYRING=/nowhere/keys.json"}, []string{"ingress"}, []string{"/nowhere/keys.json", "keys create"}},
		"empty secret":             {[]string{"SIGNALBOX_KEYRING=x", "SIGNALBOX_SHARED_SECRET="}, []string{"ingress"}, []string{"SIGNALBOX_SHARED_SECRET"}},
		"unknown flag":             {nil, []string{"serve", "--colour"}, []string{"--colour"}},
		"unknown command":          {nil, []string{"fly"}, []string{"fly"}},
		"argument left out":        {nil, []string{"case", "show"}, []string{"REFERENCE"}},
		"temporal settings":        {[]string{"TEMPORAL_TLS=maybe"}, []string{"case", "show", "a"}, []string{"TEMPORAL_TLS"}},
		"document that isn't JSON": {nil, []string{"case", "start", "-f", "main_test.go"}, []string{"--file"}},
		"webhook url without keys": {nil, []string{"webhook", "url", "a"}, []string{"SIGNALBOX_KEYRING"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := command(t, c.environ, c.args...)
			require.Equal(t, 2, got.status, got.err)
			for _, s := range c.says {
				require.Contains(t, got.err, s)
			}
		})
	}
}

func TestAWrongCommandLineNamesTheMistakeAndTheHelp(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		"case answer":                        "REFERENCE is missing\nsee `signalbox case answer --help`\n",
		"case adopt order-1":                 "CASE_ID is missing\nsee `signalbox case adopt --help`\n",
		"notice resend":                      "SOURCE is missing\nsee `signalbox notice resend --help`\n",
		"case answer order-1 yes":            "unexpected argument \"yes\"\nsee `signalbox case answer --help`\n",
		"case start vendor_1":                "unexpected argument \"vendor_1\"\nsee `signalbox case start --help`\n",
		"case anser order-1":                 "unknown command \"anser\": did you mean answer?\nsee `signalbox case --help`\n",
		"caes":                               "unknown command \"caes\": did you mean case?\nsee `signalbox --help`\n",
		"webhook send body.json":             "unexpected argument \"body.json\"\nsee `signalbox webhook send --help`\n",
		"fly":                                "unknown command \"fly\"\nsee `signalbox --help`\n",
		"case answer order-1 --txt Yes":      "unknown flag: --txt: did you mean --text?\nsee `signalbox case answer --help`\n",
		"case answer order-1 --colour green": "unknown flag: --colour\nsee `signalbox case answer --help`\n",
	} {
		got := command(t, nil, strings.Fields(line)...)
		require.Equal(t, 2, got.status, got.err)
		require.Equal(t, "signalbox: "+says, got.err, line)
	}
}

// eachCommand calls do for each command with its names, "case start" such as.
func eachCommand(do func(c *cobra.Command, names []string)) {
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		do(c, strings.Fields(c.CommandPath())[1:])
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(testProcess(nil, nil, nil).root())
}

// pflag takes a back-quoted word of a usage text for the name of the flag's value.
func TestTheHelpOfEachCommandShowsTheTypesOfItsFlags(t *testing.T) {
	t.Parallel()
	shown := map[string]string{
		"bool": "", "string": "string", "stringSlice": "strings", "int": "int", "int64": "int", "float64": "float", "duration": "duration",
	}
	line := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([\w-]+)(?: (\S+))?  +\S`)
	flags := 0
	eachCommand(func(c *cobra.Command, names []string) {
		got := command(t, nil, append(names, "--help")...)
		require.Zero(t, got.status, names)
		require.Empty(t, got.err, names)
		types := map[string]string{"help": ""}
		if c.Version != "" {
			types["version"] = ""
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			kind, known := shown[f.Value.Type()]
			require.True(t, known, "%s --%s %s", names, f.Name, f.Value.Type())
			types[f.Name] = kind
		})
		told := map[string]string{}
		for _, match := range line.FindAllStringSubmatch(got.out, -1) {
			told[match[1]] = match[2]
		}
		if c.Runnable() {
			require.Equal(t, types, told, names)
		}
		flags += len(told)
	})
	require.Greater(t, flags, 100)
	require.Regexp(t, `--keyring string +key document`, command(t, nil, "serve", "--help").out)
}

func TestTheHelpOfEachCommandNamesItsOwnFlagsAlone(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`--([a-z][a-z-]+)`)
	other := map[string]bool{}
	eachCommand(func(c *cobra.Command, names []string) {
		for _, match := range flag.FindAllStringSubmatch(c.Short+"\n"+c.Long, -1) {
			if !c.HasSubCommands() && c.Flags().Lookup(match[1]) == nil && c.InheritedFlags().Lookup(match[1]) == nil {
				other[strings.Join(names, " ")+" --"+match[1]] = true
			}
		}
	})
	require.Equal(t, map[string]bool{"keys create --payload-keys": true}, other, "a key document is made for serve")
}

func TestAMissingArgumentExitsWithTwo(t *testing.T) {
	t.Parallel()
	needy := 0
	eachCommand(func(c *cobra.Command, names []string) {
		if c.Args(c, nil) == nil {
			return
		}
		needy++
		got := command(t, nil, names...)
		require.Equal(t, 2, got.status, names)
		require.Empty(t, got.out, names)
		require.Contains(t, got.err, "see `"+c.CommandPath()+" --help`\n")
	})
	require.Greater(t, needy, 10)
	d := newTestInbox(t)
	for missing, args := range map[string][]string{
		"--since":         {"catch-up"},
		"--reference":     {"case", "start", "-f", request(t, "ask")},
		"--file":          {"case", "start"},
		"--agent":         {"webhook", "send", "-f", "main_test.go"},
		"--all":           {"inbox", "replay"},
		"--bodies-before": {"inbox", "purge"},
		"--config":        {"inbox", "release"},
		"--keyring":       {"keys", "reseal"},
	} {
		environ := d.environ
		if missing == "--keyring" {
			environ = nil
		}
		got := command(t, environ, args...)
		require.Equal(t, 2, got.status, "%s: %s", args, got.err)
		require.Contains(t, strings.ReplaceAll(got.err, `"since"`, "--since"), missing, args)
	}
}

func TestAProcessWarnsOfAMisspeltVariable(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	const warning = "SIGNALBOX_PUBLIC_ULR is not a setting and has no effect: did you mean SIGNALBOX_PUBLIC_URL?"
	environ := []string{keys, "SIGNALBOX_PUBLIC_ULR=https://h.example.com", "SIGNALBOX_INBOX=" + filepath.Join(t.TempDir(), "none", "inbox.db")}
	for process, status := range map[string]int{"ingress": 2, "worker": 2, "serve": 2} {
		got := command(t, environ, process, "--internal-listen=127.0.0.1:0")
		require.Equal(t, status, got.status, got.err)
		require.Contains(t, got.err, warning, process)
	}
}

func TestARotationKeepsALinkedKeyDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, command(t, nil, "keys", "create", path).status)
	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, os.Chmod(path, 0o640))
	before := readRing(t, path).Token("x")
	for _, step := range []string{"stage", "promote"} {
		got := command(t, nil, "keys", step, link)
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.err, "can be read by others than its owner (mode 0640)")
	}
	target, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, path, target)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	require.NotEqual(t, before, readRing(t, path).Token("x"))
}

func TestAMisspeltVariableIsWarnedOf(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	got := command(t, []string{keys, "SIGNALBOX_PUBLIC_URL=https://h.example.com", "SIGNALBOX_KEYRIGN=x"}, "webhook", "url", "a")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.err, "SIGNALBOX_KEYRIGN is not a setting and has no effect: did you mean SIGNALBOX_KEYRING?")
}

func TestASettingThatFailsOnUseExitsWithTwo(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	got := command(t, []string{keys, "SIGNALBOX_INBOX=" + filepath.Join(t.TempDir(), "none", "inbox.db")},
		"ingress", "--listen=127.0.0.1:0", "--internal-listen=127.0.0.1:0", "--log-format=json")
	require.Equal(t, 2, got.status, got.err)
	require.Regexp(t, `^\{[^\n]*"starts"[^\n]*"version":"[^"\n]+"\}\n`, got.err, "the first line of the log")
	require.Contains(t, got.err, "--inbox (SIGNALBOX_INBOX)")
}

func TestAMisspeltOptionInADocumentIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "case.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"reference":"a","options":{"reconcileAftr":"1m"}}`), 0o600))
	got := command(t, nil, "case", "start", "-f", path)
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, "reconcileAftr")
}

func TestATemporalThatIsAwayHasAnExitStatus(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"case show a", "setup"} {
		got := command(t, []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, strings.Fields(line)...)
		require.Equal(t, 6, got.status, got.err)
		require.Contains(t, got.err, "Temporal at 127.0.0.1:1, namespace default: ", line)
		require.Contains(t, got.err, ": does Temporal run there? TEMPORAL_ADDRESS has its address\n", line)
	}
}

func TestTheVersionIsShown(t *testing.T) {
	t.Parallel()
	got := command(t, nil, "--version")
	require.Zero(t, got.status, got.err)
	require.Equal(t, "signalbox version "+buildinfo.Version()+"\n", got.out)
	require.NotEmpty(t, buildinfo.Version())
}

func TestTheREADMEListsTheExitStatuses(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(readme)), " "), strings.Join(strings.Fields(exitStatuses), " "))
}

func TestEachKindOfErrorHasItsExitStatus(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{
		nil:                         0,
		errors.New("anything"):      1,
		errUsage:                    2,
		signalbox.ErrInvalid:        2,
		signalbox.ErrNotFound:       3,
		signalbox.ErrConflict:       4,
		signalbox.ErrEnded:          4,
		signalbox.ErrNoOpenQuestion: 4,
		errNotCompleted:             5,
		signalbox.ErrUnavailable:    6,
		context.DeadlineExceeded:    6,
		context.Canceled:            1,
		signalbox.ErrTerminated:     7,
		signalbox.ErrTimedOut:       8,
		signalbox.ErrFailed:         9,
		signalbox.ErrNoFiles:        3,
		errPartlyDone:               1,
		errNoAnswer:                 1,

		serviceerror.NewUnavailable("starting"):                                               6,
		serviceerror.NewDeadlineExceeded("late"):                                              6,
		serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "busy"): 6,

		&api.Refusal{Problem: api.Problem{Status: http.StatusUnauthorized}}:                                                               2,
		&api.Refusal{Problem: api.Problem{Status: http.StatusForbidden}}:                                                                  2,
		&api.Refusal{Problem: api.Problem{Status: http.StatusRequestEntityTooLarge, Type: "urn:signalbox:problem:too-large"}}:             2,
		&api.Refusal{Problem: api.Problem{Status: http.StatusUnsupportedMediaType, Type: "urn:signalbox:problem:unsupported-media-type"}}: 2,
		&api.Refusal{Problem: api.Problem{Status: http.StatusNotFound, Type: "urn:signalbox:problem:not-found"}}:                          3,
		&api.Refusal{Problem: api.Problem{Status: http.StatusGone, Type: "urn:signalbox:problem:terminated"}}:                             7,
	} {
		if err != nil {
			err = fmt.Errorf("somewhere: %w", err)
		}
		require.Equal(t, status, exitStatus(err), "%v", err)
	}
}

func TestOnlyErrorsThatNoCommandMeetsHaveTheExitStatusOfAnyError(t *testing.T) {
	t.Parallel()
	statuses := map[string]struct {
		err    error
		status int
	}{
		"signalbox.ErrInvalid": {signalbox.ErrInvalid, 2}, "signalbox.ErrConflict": {signalbox.ErrConflict, 4}, "signalbox.ErrNotFound": {signalbox.ErrNotFound, 3},
		"signalbox.ErrNoOpenQuestion": {signalbox.ErrNoOpenQuestion, 4}, "signalbox.ErrOtherQuestion": {signalbox.ErrOtherQuestion, 4},
		"signalbox.ErrAlreadyAnswered": {signalbox.ErrAlreadyAnswered, 4}, "signalbox.ErrEnded": {signalbox.ErrEnded, 4}, "signalbox.ErrTerminated": {signalbox.ErrTerminated, 7},
		"signalbox.ErrTimedOut": {signalbox.ErrTimedOut, 8}, "signalbox.ErrFailed": {signalbox.ErrFailed, 9}, "signalbox.ErrNoFiles": {signalbox.ErrNoFiles, 3},
		"signalbox.ErrNotUncertain": {signalbox.ErrNotUncertain, 4}, "signalbox.ErrPaused": {signalbox.ErrPaused, 4}, "signalbox.ErrTooMany": {signalbox.ErrTooMany, 4},
		"signalbox.ErrUnavailable": {signalbox.ErrUnavailable, 6}, "signalbox.ErrStillOpen": {signalbox.ErrStillOpen, 4}, "signalbox.ErrAccessDenied": {signalbox.ErrAccessDenied, 2},
		"inbox.ErrBusy": {inbox.ErrBusy, 6}, "inbox.ErrLocked": {inbox.ErrLocked, 6}, "inbox.ErrClosed": {inbox.ErrClosed, 6}, "inbox.ErrInvalid": {inbox.ErrInvalid, 2}, "inbox.ErrNotFound": {inbox.ErrNotFound, 3},
		"inbox.ErrNotReplayable": {inbox.ErrNotReplayable, 4},
		// Commands check for a keyring before; no command fetches a key as an agent's worker does.
		"signalbox.ErrNoKeyring": {signalbox.ErrNoKeyring, 1}, "signalbox.ErrNoAPIKeyYet": {signalbox.ErrNoAPIKeyYet, 1},
		"signalbox.ErrAPIKeyLost": {signalbox.ErrAPIKeyLost, 1}, "signalbox.ErrDenied": {signalbox.ErrDenied, 1},
		// No command appends, and another version is needed for the tables.
		"inbox.ErrIDTaken": {inbox.ErrIDTaken, 1}, "inbox.ErrNewer": {inbox.ErrNewer, 1}, "inbox.ErrOlder": {inbox.ErrOlder, 1}, "inbox.ErrNoTables": {inbox.ErrNoTables, 1},
	}
	var names []string
	sentinel := regexp.MustCompile(`(?m)^(?:var |\t)(Err[A-Z]\w*) += `)
	for name, folder := range map[string]string{"signalbox": "../../workflows/signalbox", "inbox": "../../ingress/inbox"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, found := range sentinel.FindAllStringSubmatch(string(source), -1) {
				if !strings.HasPrefix(found[1], "ErrType") {
					names = append(names, name+"."+found[1])
				}
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(statuses)), names)
	for name, c := range statuses {
		require.Equal(t, c.status, exitStatus(fmt.Errorf("somewhere: %w", c.err)), name)
	}
}

func TestAMistakeInADocumentOfAStartIsLocated(t *testing.T) {
	t.Parallel()
	for document, says := range map[string]string{
		"{\n  \"reference\": \"a\",\n  request: {}\n}":                              "line 3, column 3: invalid character 'r'",
		"{\n  \"reference\": \"a\",\n  \"request\": {\"goal\": 7}\n}":               "line 3, column ",
		"{\n  \"reference\": \"a\",\n  \"request\": {\n    \"chanel\": \"EMAIL\"}}": `line 4, column 5: json: unknown field "chanel"`,
		"{\n  \"reference\": \"a\",\n":                                              "line 3, column 1: unexpected EOF",
	} {
		_, err := process{in: strings.NewReader(document)}.readStart(t.Context(), "-")
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, "--file -: "+says)
	}
}

func TestAMissingSettingNamesItsFlag(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, command(t, nil, "keys", "create", path).status)
	got := command(t, []string{"SIGNALBOX_KEYRING=" + path}, "webhook", "url", "vendor_2048")
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, "--public-url (SIGNALBOX_PUBLIC_URL): set it")
	got = command(t, []string{"SIGNALBOX_KEYRING=" + path}, "webhook", "send", "--reference", "vendor_2048", "-f", "main_test.go")
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, "--public-url (SIGNALBOX_PUBLIC_URL): set it")

	got = command(t, nil, "inbox", "list", "--inbox", filepath.Join(t.TempDir(), "none.db"))
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, "set SIGNALBOX_API to use the API of a process; with signalbox-dev the inbox is .signalbox/inbox.db")

	temporal := answeringCase(t, workflows.CaseState{Reference: "vendor_2048", Account: "default", CaseID: "c1", Status: workflows.CaseRunning})
	got = commandWith(t, nil, temporal, "case", "transcript", "vendor_2048")
	require.Equal(t, 2, got.status, got.err)
	require.Contains(t, got.err, `add "default" to accounts of the --config file (SIGNALBOX_CONFIG), or set SIGNALBOX_API`)

	missing := func(context.Context, client.Options) (client.Client, error) {
		return nil, serviceerror.NewNamespaceNotFound("shop")
	}
	for _, line := range []string{"setup", "todo", "case list"} {
		got = commandWith(t, []string{"TEMPORAL_NAMESPACE=shop"}, missing, strings.Fields(line)...)
		require.NotZero(t, got.status)
		require.Contains(t, got.err, "`signalbox setup --create-namespace` makes it", line)
	}
	elsewhere := mocks.NewClient(t) // fails the test on a wait
	elsewhere.On("DescribeWorkflow", mock.Anything, "offload-case/vendor_2048", "").Return(nil, serviceerror.NewNamespaceNotFound("shop"))
	elsewhere.On("Close")
	connected := func(context.Context, client.Options) (client.Client, error) { return elsewhere, nil }
	got = commandWith(t, []string{"TEMPORAL_NAMESPACE=shop"}, connected, "case", "wait", "vendor_2048")
	require.Equal(t, 6, got.status)
	require.Contains(t, got.err, "`signalbox setup --create-namespace` makes it")
}
