// Package cmd_test checks which packages each package imports.
package cmd_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/signalbox-dev/signalbox"

// importRule is a folder, what it may import of this module, and why not more. The longest matching folder counts. An entry that ends in
// "/..." allows a whole tree; it may always import its own subfolders.
type importRule struct {
	folder string
	may    []string
	why    string
	// not lists import prefixes outside this module that the folder must not use.
	not []string
}

const temporalSDK = "go.temporal.io/"

// pureRules are what the rules of a workflow may import, entityWorkflow what the workflow around them may.
var pureRules = []string{"workflows", "workflows/internal/rules"}

func entityWorkflow(lifecycle string) []string {
	return []string{"workflows", "workflows/internal/entity", "workflows/internal/rules", lifecycle}
}

var importRules = []importRule{
	{folder: "workflows", why: "the contract is the standard library only: a reader needs nothing else", not: []string{"github.com", "go.temporal.io", "go.uber.org", "golang.org"}},
	{folder: "workflows/wire", why: "it reads JSON and knows no provider", not: []string{temporalSDK, "net/http"}},
	{folder: "workflows/resultschema", may: []string{"workflows"}, why: "it compares two documents and knows nothing of cases", not: []string{temporalSDK, "net/http"}},
	{folder: "workflows/keyring", why: "it doesn't know what is sealed, or why"},
	{folder: "workflows/payloadcodec", may: []string{"workflows/keyring"}, why: "it encrypts payloads, and knows neither workflows nor who uses it"},
	{folder: "workflows/signalbox", may: []string{"workflows", "workflows/keyring", "workflows/resultschema"}, why: "business apps import it: it must bring neither workflow code nor a provider"},
	{folder: "workflows/signalbox/exampleagent", may: []string{"workflows", "workflows/signalbox"}, why: "it shows what the author of an agent writes, who has no keyring and none of Signalbox's inside"},
	{folder: "workflows/signalbox/exampleapp", may: []string{"workflows", "workflows/signalbox"}, why: "it shows what a business app imports"},
	{folder: "workflows/signalbox/signalboxtest", may: []string{"workflows", "workflows/keyring", "workflows/resultschema", "workflows/signalbox", "workflows/internal/rules", "workflows/offloadcase/lifecycle", "workflows/artmailactivation/lifecycle"}, why: "a fake for the tests of business apps: the rules in memory, no workflow and no provider"},
	{folder: "workflows/signalbox/signalboxtest/conformance", may: []string{"workflows", "workflows/signalbox", "workflows/signalbox/signalboxtest", "workflows/testenv"}, why: "it asks the same of any implementation of the client"},
	{folder: "workflows/internal/rules", may: []string{"workflows"}, why: "rules are plain functions", not: []string{temporalSDK, "go.uber.org/zap"}},
	{folder: "workflows/internal/entity", may: []string{"workflows", "workflows/internal/rules"}, why: "what all workflows share knows none of them"},
	{folder: "workflows/testenv", why: "it helps the tests of all packages and knows none"},
	{folder: "workflows/internal/replaytest", why: "it replays any workflow and knows none"},
	{folder: "workflows/internal/storytest", why: "it plays any workflow and knows none"},
	{folder: "workflows/internal/metricstest", why: "it records the metrics of any workflow and knows none"},
	{folder: "workflows/notify", may: entityWorkflow("workflows/notify/lifecycle"), why: "a workflow knows no other workflow and no activity code"},
	{folder: "workflows/notify/lifecycle", may: pureRules, why: "rules are plain functions", not: []string{temporalSDK, "go.uber.org/zap"}},
	{folder: "workflows/offloadfiles", may: entityWorkflow("workflows/offloadfiles/lifecycle"), why: "a workflow knows no other workflow and no activity code"},
	{folder: "workflows/offloadfiles/lifecycle", may: pureRules, why: "rules are plain functions", not: []string{temporalSDK, "go.uber.org/zap"}},
	{folder: "workflows/offloadcase", may: entityWorkflow("workflows/offloadcase/lifecycle"), why: "a workflow knows no provider's HTTP, no inbox, no other workflow and no activity code"},
	{folder: "workflows/artmailactivation", may: entityWorkflow("workflows/artmailactivation/lifecycle"), why: "a workflow knows no provider's HTTP, no inbox, no other workflow and no activity code"},
	{folder: "workflows/offloadcase/lifecycle", may: pureRules, why: "rules are plain functions", not: []string{temporalSDK, "go.uber.org/zap"}},
	{folder: "workflows/artmailactivation/lifecycle", may: pureRules, why: "rules are plain functions", not: []string{temporalSDK, "go.uber.org/zap"}},
	{folder: "activities/offload", may: []string{"workflows", "workflows/keyring", "workflows/resultschema", "activities/offload/offloadapi"}, why: "an activity knows no workflow code"},
	{folder: "activities/offload/offloadapi", may: []string{"workflows", "workflows/wire", "activities/retryafter"}, why: "the typed client works without Temporal", not: []string{temporalSDK}},
	{folder: "activities/archive", may: []string{"workflows", "activities/publicnet"}, why: "it stores files and knows no provider's rules"},
	{folder: "activities/notice", may: []string{"workflows", "activities/publicnet", "activities/retryafter"}, why: "it delivers notices and knows no workflow code"},
	{folder: "activities/retryafter", why: "it reads a header, and knows no server"},
	{folder: "activities/publicnet", why: "it connects, and knows no URL"},
	{folder: "ingress", may: []string{"workflows", "workflows/keyring", "ingress/inbox", "ingress/hook", "ingress/hook/..."}, why: "the ingress verifies, stores and answers, whether or not there is a Temporal", not: []string{temporalSDK}},
	{folder: "ingress/hook", may: []string{"workflows", "workflows/wire"}, why: "pure functions over bytes", not: []string{temporalSDK, "github.com/labstack", "net/http"}},
	{folder: "ingress/inbox", why: "it doesn't know what a delivery means", not: []string{temporalSDK, "github.com/labstack"}},
	{folder: "ingress/inbox/postgres/pgtest", may: []string{"workflows/testenv", "ingress/inbox/postgres/pgserver"}, why: "it gives tests a server"},
	{folder: "ingress/deliveries", may: []string{"workflows", "workflows/signalbox", "ingress/inbox", "ingress/inboxadmin"}, why: "it gives the client the inbox, and opens no body", not: []string{temporalSDK, "github.com/labstack"}},
	{folder: "ingress/relay", may: []string{"workflows", "workflows/keyring", "workflows/payloadcodec", "ingress/inbox", "ingress/hook", "ingress/hook/..."}, why: "the relay knows no rule of any workflow", not: []string{"github.com/labstack"}},
	{folder: "ingress/inboxadmin", may: []string{"workflows/keyring", "ingress", "ingress/inbox", "ingress/hook", "ingress/hook/..."}, why: "it works on the inbox and knows neither workflows nor who asks", not: []string{temporalSDK, "github.com/labstack"}},
	{folder: "ingress/api", may: []string{"workflows", "workflows/keyring", "workflows/signalbox", "ingress/inbox", "ingress/inboxadmin", "ingress/ratelimit"}, why: "the API stands on the Go client and the inbox, and knows no workflow code, relay or provider"},
	{folder: "worker", may: []string{"workflows", "workflows/offloadcase", "workflows/artmailactivation", "workflows/notify", "workflows/offloadfiles", "activities/..."}, why: "the worker registers; it has no ingress"},
	{folder: "cmd/internal/sim", may: []string{"cmd/internal/setting"}, why: "a provider's simulator knows nothing of Signalbox or of Temporal", not: []string{temporalSDK, "github.com/temporalio"}},
	{folder: "cmd/signalbox-sim", may: []string{"cmd/internal/buildinfo", "cmd/internal/interrupt", "cmd/internal/setting", "cmd/internal/sim"}, why: "the simulators run alone: it builds in seconds"},
	{folder: "cmd", may: []string{"..."}, why: "wiring"},
}

func TestImportsAreOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	files := 0
	require.NoError(t, filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		folder := strings.TrimPrefix(path.Dir(filepath.ToSlash(name)), "../")
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if reason := forbidden(folder, imported); reason != "" {
				t.Errorf("%s imports %s: %s", name, imported, reason)
			}
		}
		return nil
	}))
	require.Greater(t, files, 30, "the walk found the source")
}

// forbidden says why a folder must not import something; empty: it may.
func forbidden(folder, imported string) string {
	r, found := ruleOf(folder)
	if !found {
		return "the folder is not in the table: add it, with what it may import and why"
	}
	for _, prefix := range r.not {
		if strings.HasPrefix(imported, prefix) {
			return r.why
		}
	}
	if folder != "cmd/internal/telemetry" && (strings.HasPrefix(imported, "go.opentelemetry.io/otel/sdk") || strings.HasPrefix(imported, "go.opentelemetry.io/otel/exporters")) {
		return "cmd/internal/telemetry alone decides where spans and metrics go; other packages get a tracer"
	}
	own, isOwn := strings.CutPrefix(imported, module+"/")
	if !isOwn {
		return ""
	}
	if isPartOf(own, r) {
		return ""
	}
	for _, allowed := range r.may {
		tree, isTree := strings.CutSuffix(allowed, "...")
		if own == allowed || isTree && strings.HasPrefix(own, tree) {
			return ""
		}
	}
	return r.why
}

// isPartOf reports whether a folder has no rule but this one.
func isPartOf(folder string, r importRule) bool {
	owner, _ := ruleOf(folder)
	return owner.folder == r.folder
}

func ruleOf(folder string) (importRule, bool) {
	var best importRule
	found := false
	for _, r := range importRules {
		if (folder == r.folder || strings.HasPrefix(folder, r.folder+"/")) && len(r.folder) >= len(best.folder) {
			best, found = r, true
		}
	}
	return best, found
}

func TestImportRulesRefuseWhatTheDesignRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ folder, imported string }{
		{"workflows", "github.com/google/uuid"},
		{"workflows", module + "/workflows/keyring"},
		{"workflows/wire", module + "/workflows"},
		{"workflows/offloadcase/lifecycle", "go.temporal.io/sdk/workflow"},
		{"workflows/offloadcase", module + "/activities/offload"},
		{"workflows/offloadcase", module + "/workflows/artmailactivation"},
		{"ingress", "go.temporal.io/sdk/client"},
		{"ingress", module + "/ingress/relay"},
		{"ingress/inbox", module + "/workflows"},
		{"ingress/relay", module + "/workflows/offloadcase"},
		{"ingress/hook", module + "/ingress/inbox"},
		{"ingress/hook/offload", "net/http"},
		{"worker", module + "/ingress"},
		{"cmd/internal/sim/offloadsim", module + "/workflows"},
		{"cmd/internal/sim/artmailsim", "go.temporal.io/server/common"},
		{"somewhere", module + "/workflows"},
		{"ingress", "go.opentelemetry.io/otel/sdk/trace"},
		{"cmd/internal/service", "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"},
	} {
		require.NotEmpty(t, forbidden(c.folder, c.imported), "%s must not import %s", c.folder, c.imported)
	}
	require.Empty(t, forbidden("ingress/inbox/inboxtest", module+"/ingress/inbox"))
	require.Empty(t, forbidden("cmd/signalbox", module+"/worker"))
	require.Empty(t, forbidden("cmd/internal/telemetry", "go.opentelemetry.io/otel/sdk/trace"))
	require.Empty(t, forbidden("ingress", "go.opentelemetry.io/otel/trace"))
	require.NotEmpty(t, forbidden("cmd/signalbox-sim", module+"/cmd/internal/service"))
}

// The embedded server is for development and tests: it would triple the production binary. The simulators do without Temporal's SDK, too.
func TestImportsTheLeanBinariesLinkNoTemporalServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command, has string
		not          []string
	}{
		{"./signalbox", "worker", []string{"go.temporal.io/server", "github.com/temporalio/ui-server", "github.com/Shopify/toxiproxy"}},
		{"./signalbox-sim", "cmd/internal/sim", []string{"go.temporal.io", "github.com/temporalio"}},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", c.command).CombinedOutput()
		require.NoError(t, err, string(out))
		deps := strings.Fields(string(out))
		require.Contains(t, deps, module+"/"+c.has)
		for _, dep := range deps {
			for _, not := range c.not {
				require.False(t, strings.HasPrefix(dep, not), "%s links %s", c.command, dep)
			}
		}
	}
}
