package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

// staysOpen is the client of a fake, which each command would close.
type staysOpen struct{ client.Client }

func (staysOpen) Close() {}

// door is one way to the same cases, activations and deliveries.
type door struct {
	testInbox
	fake    *signalboxtest.Fake
	notices *withNotices
	process process
}

func (d door) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	p := d.process
	var out, errOut bytes.Buffer
	p.in, p.out, p.err = strings.NewReader(stdin), &out, &errOut
	status := p.run(t.Context(), args)
	return result{status, out.String(), errOut.String()}
}

const apiSecret = "token-of-ann-0123456789"

// eachDoor runs a test over Temporal and the inbox, and again over the real API with a token alone.
func eachDoor(t *testing.T, test func(t *testing.T, d door)) {
	t.Helper()
	away := func(context.Context, client.Options) (client.Client, error) { return nil, context.DeadlineExceeded }
	for _, name := range []string{"direct", "api"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := door{testInbox: newTestInbox(t)}
			store, err := storage.Open(t.Context(), d.inbox, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			options := signalbox.Options{Keyring: d.keys, Deliveries: deliveries.New(func() (inbox.Store, error) { return store, nil }, time.Now)}
			_, d.fake = signalboxtest.New(t, options)
			d.notices = &withNotices{Client: d.fake.Temporal()}
			apps, err := signalbox.New(d.notices, options)
			require.NoError(t, err)
			if name == "direct" {
				d.process = testProcess(d.environ, func(context.Context, client.Options) (client.Client, error) {
					return staysOpen{d.notices}, nil
				}, storage.OpenExisting)
				test(t, d)
				return
			}
			tokens := new(api.TokenSet)
			tokens.Add(apiSecret, api.Token{Name: "ann", Scopes: []api.Scope{api.ScopeAdmin}})
			tokens.Add("token-of-a-reader-01234", api.Token{Name: "reader", Scopes: []api.Scope{api.ScopeCasesRead}})
			handler, err := api.New(api.Deps{
				Client: apps, Inbox: func() (inbox.Store, error) { return store, nil }, Keys: d.keys, Tokens: tokens, Log: zap.NewNop(), Now: time.Now,
				Transcript: func(_ context.Context, reference string) (workflows.CaseTranscript, error) {
					fails := map[string]error{"missing": signalbox.ErrNotFound, "elsewhere": api.ErrNoAccount, "new": api.ErrNotCreated, "unknown": api.ErrNotAtOffload, "refused": api.ErrProvider}
					if err := fails[reference]; err != nil {
						return workflows.CaseTranscript{}, err
					}
					return workflows.CaseTranscript{Reference: reference, Text: "Ada: a \u001b[2J PDF?\n"}, nil
				},
			})
			require.NoError(t, err)
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			d.process = testProcess([]string{"SIGNALBOX_API=" + server.URL, "SIGNALBOX_API_TOKEN=" + apiSecret}, away, storage.OpenExisting)
			test(t, d)
		})
	}
}

// request writes the document of a start.
func request(t *testing.T, objective string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "case.json")
	document, err := json.Marshal(workflows.CaseStart{Request: &workflows.CaseRequest{
		Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: objective},
		Counterparty: workflows.Counterparty{Address: "v@vendor.example", Name: "V"}, SenderPersona: workflows.SenderPersona{Name: "Ann"},
	}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, document, 0o600))
	return path
}

func TestCaseCommandsWorkOverTemporalAndTheAPI(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		do := func(status int, stdin string, args ...string) result {
			t.Helper()
			got := d.run(t, stdin, args...)
			require.Equal(t, status, got.status, "%v: %s%s", args, got.out, got.err)
			require.NotContains(t, got.out+got.err, "\x1b", args)
			require.NotContains(t, got.out+got.err, apiSecret, args)
			return got
		}
		document := request(t, "Obtain a signed W-9")
		do(0, "", "case", "start", "--reference", "vendor_9", "-f", document, "--deadline", "2099-05-01T12:00:00Z", "--await-correction")
		do(0, "", "case", "start", "--reference", "vendor_9", "-f", document, "--deadline", "2099-05-01T12:00:00Z", "--await-correction")
		do(4, "", "case", "start", "--reference", "vendor_9", "-f", document)
		do(2, "", "case", "start", "--reference", "vendor 9", "-f", document)
		do(3, "", "case", "show", "vendor_404")
		do(3, "", "case", "check", "vendor_404")
		require.Contains(t, do(0, "", "case", "check", "vendor_9").out, "vendor_9")
		require.Contains(t, do(4, "Yes.", "case", "answer", "vendor_9").err, "no open question")

		require.Regexp(t, `vendor_9 +RUNNING +case-vendor_9 +default +(now|\d+ (seconds?|minutes?) ago)`, do(0, "", "case", "list").out)
		require.NotContains(t, do(0, "", "case", "list", "--prefix", "other").out, "vendor_9")
		require.NotContains(t, do(0, "", "case", "list", "--state", "COMPLETED,FAILED").out, "vendor_9")
		do(2, "", "case", "list", "--limit", "9999")
		do(2, "", "case", "list", "--since", "yesterday")

		id := d.fake.Ask("vendor_9", "Is a \x1b[31msigned PDF\nfine?")
		require.Contains(t, do(0, "", "todo", "--kind", "question").out, `case vendor_9`)
		require.Contains(t, do(0, "", "todo").out, `Is a \u001b[31msigned PDF fine?`)
		require.Contains(t, do(0, "", "todo").out, "delivery "+d.dead)
		var list signalbox.ToDoList
		require.NoError(t, json.Unmarshal([]byte(do(0, "", "todo", "--json").out), &list))
		require.Equal(t, 3, list.Total, "a question, a dead and an unmatched delivery")
		require.Empty(t, list.DeliveriesMissing)

		do(1, " \n", "case", "answer", "vendor_9")
		require.Contains(t, do(2, "", "case", "answer", "vendor_9", "--text", " ").err, "--text is empty")
		do(4, "Yes.", "case", "answer", "vendor_9", "--question", "other")
		got := do(0, "Yes.\n", "case", "answer", "vendor_9")
		require.Contains(t, got.err, `Is a \u001b[31msigned PDF`)
		require.Equal(t, "Yes.", d.fake.AwaitAnswer("vendor_9", id))

		d.fake.Complete("vendor_9", map[string]any{"signed": true})
		require.Contains(t, do(0, "", "case", "wait", "vendor_9").out, "COMPLETED")
		do(4, "", "case", "cancel", "vendor_9")

		do(0, "", "case", "start", "--reference", "vendor_10", "-f", document)
		d.fake.Fail("vendor_10", "max_retries", "no answer")
		require.Contains(t, do(5, "", "case", "wait", "vendor_10").out, "FAILED")
		do(0, "", "case", "start", "--reference", "vendor_11", "-f", document)
		d.fake.Terminate(workflows.OffloadCaseWorkflowID("vendor_11"))
		do(7, "", "case", "show", "vendor_11")
		require.Contains(t, do(0, "", "case", "list", "--open", "closed").out, "(workflow terminated)")

		d.fake.Away(true)
		require.NotContains(t, do(0, "", "__complete", "case", "show", "").err, "signalbox", "a completion is quiet")
	})
}

func TestRunsAreClosedAndApprovalsCancelledDirectlyAndOverTheAPI(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		d.fake.Activate("crm", "act_1", "art_key")
		apps, err := signalbox.New(d.fake.Temporal(), signalbox.Options{})
		require.NoError(t, err)
		activation := apps.Activation("crm", "act_1")
		_, err = activation.OpenRun(t.Context(), workflows.OpenRun{RunID: "run/1"})
		require.NoError(t, err)
		_, err = activation.RequestApprovals(t.Context(), workflows.ApprovalRequest{MessageID: "msg/1", RunID: "run/1", Deadline: d.fake.Now().Add(time.Hour)})
		require.NoError(t, err)
		for _, c := range []struct {
			args   []string
			status int
			says   string
		}{
			{[]string{"run", "list", "crm", "act_1", "--open", "open"}, 0, `run/1 +OPEN`},
			{[]string{"approval", "cancel", "crm", "act_1", "msg/2"}, 3, ``},
			{[]string{"approval", "cancel", "crm", "act_1", "msg/1", "--reason", "not needed"}, 0, `status +CANCELLED`},
			{[]string{"run", "close", "crm", "act_1", "run/2"}, 3, ``},
			{[]string{"run", "close", "crm", "act_1", "run/1", "--reason", "it hung"}, 0, `status +CLOSED`},
			{[]string{"run", "close", "crm", "act_2", "run/1"}, 3, ``},
			{[]string{"run", "close", "crm", "act_1"}, 2, ``},
			{[]string{"run", "list", "crm", "act_1", "--open", "open"}, 0, `^RUN[^\n]+\n$`},
			{[]string{"run", "list", "crm", "act_1", "--open", "closed"}, 0, `run/1 +CLOSED`},
			{[]string{"approval", "list", "crm", "act_1", "--open", "open"}, 0, `^MESSAGE[^\n]+\n$`},
			{[]string{"approval", "list", "crm", "act_1", "--open", "yes"}, 2, ``},
			{[]string{"run", "list", "crm", "act_1", "--json"}, 0, `"reason": "it hung \(by \S`},
			{[]string{"approval", "list", "crm", "act_1"}, 0, `msg/1 +CANCELLED.*not needed`},
		} {
			got := d.run(t, "", c.args...)
			require.Equal(t, c.status, got.status, "%v: %s%s", c.args, got.out, got.err)
			require.Regexp(t, c.says, got.out, c.args)
		}
		direct := d.process.variable("SIGNALBOX_API") == ""
		require.Equal(t, direct, d.run(t, "", "approval", "cancel", "crm", "act_1", "msg/1", "--by", "bob").status == 0, "the API takes the token's name")
		require.Equal(t, direct, d.run(t, "", "run", "close", "crm", "act_1", "run/1", "--by", "bob").status == 0, "the API takes the token's name")
	})
}

func TestTheFilesOfACaseAreShown(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		got := d.run(t, "", "case", "files", "vendor_9")
		require.Equal(t, 3, got.status, got.err)
		d.notices.files = &workflows.CaseFiles{
			Reference: "vendor_9", CaseID: "case-vendor_9", Status: workflows.FilesStored, Since: time.Now(),
			Stored:   []workflows.StoredFile{{AttachmentID: "att_1", Bucket: "s3://files", Key: "default/vendor_9/att_1", Size: 3, ContentType: "application/pdf", ReportedSize: 4}},
			Result:   &workflows.StoredFile{Bucket: "s3://files", Key: "default/vendor_9/result.json", Size: 9, ContentType: "application/json"},
			Unstored: []workflows.UnstoredFile{{AttachmentID: "att_2", Reason: "too \x1b[2J large"}},
		}
		got = d.run(t, "", "case", "files", "vendor_9")
		require.Zero(t, got.status, got.err)
		require.Regexp(t, `status +STORED \(1 not\)\n`, got.out)
		require.Regexp(t, `stored +att_1: application/pdf, 3 bytes, default/vendor_9/att_1 in s3://files; Offload reported another size or type\n`, got.out)
		require.Regexp(t, `stored +the result: application/json, 9 bytes, default/vendor_9/result.json in s3://files\n`, got.out)
		require.Regexp(t, `not stored +att_2: too \\u001b\[2J large`, got.out)
		require.Contains(t, d.run(t, "", "case", "files", "vendor_9", "--json").out, `"attachmentId": "att_2"`)
	})
}

func TestAnAdoptedCaseNeedsNoReference(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		got := d.run(t, "", "case", "start", "--case-id", "case-77")
		require.Zero(t, got.status, got.err)
		require.Regexp(t, `reference +case-77\n`, got.out)
		require.Equal(t, 2, d.run(t, "", "case", "start", "-f", request(t, "ask")).status, "a request has no ID yet")
	})
}

func TestEachActionOfTheToDoListHasACommand(t *testing.T) {
	t.Parallel()
	commands := map[signalbox.Action]string{
		signalbox.ActionAnswer: "case answer", signalbox.ActionCancel: "case cancel", signalbox.ActionAdopt: "case adopt", signalbox.ActionRetryCreate: "case retry-create",
		signalbox.ActionReconcileNow: "case check", signalbox.ActionCloseRun: "run close", signalbox.ActionCancelApproval: "approval cancel",
		signalbox.ActionResend: "notice resend", signalbox.ActionDismiss: "notice dismiss", signalbox.ActionReplay: "inbox replay", signalbox.ActionRelease: "inbox release",
		signalbox.ActionReset: "", // in Temporal
	}
	source, err := os.ReadFile("../../workflows/signalbox/todokind.go")
	require.NoError(t, err)
	var actions []signalbox.Action
	for _, found := range regexp.MustCompile(`(?m)^\tAction\w+ +Action = "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		actions = append(actions, signalbox.Action(found[1]))
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(commands)), actions)
	for action, line := range commands {
		found, rest, err := testProcess(nil, nil, nil).root().Find(strings.Fields(line))
		require.NoError(t, err, action)
		require.Empty(t, rest, action)
		require.Equal(t, strings.TrimSpace("signalbox "+line), found.CommandPath())
		if line != "" {
			require.NotNil(t, found.Flags().Lookup("api"), line)
		}
	}
}

func TestAListSinceADurationHasFurtherPages(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		document := request(t, "ask")
		for _, reference := range []string{"vendor_1", "vendor_2", "vendor_3"} {
			require.Zero(t, d.run(t, "", "case", "start", "--reference", reference, "-f", document).status)
			d.fake.Activate("crm", reference, "")
		}
		for list, before := range map[string]string{"case": "case-", "activation": "crm    "} {
			var seen string
			flags := []string{"--since", "2h", "--before", "0s"}
			for pages := 1; ; pages++ {
				got := d.run(t, "", append([]string{list, "list", "--limit", "1"}, flags...)...)
				require.Zero(t, got.status, got.err)
				rows, more, found := strings.Cut(got.out, "more: ")
				seen += rows
				if !found {
					require.Equal(t, 3, pages)
					break
				}
				flags = strings.Fields(more)
			}
			for _, one := range []string{"vendor_1", "vendor_2", "vendor_3"} {
				require.Equal(t, 1, strings.Count(seen, before+one), seen)
			}
		}
	})
}

func TestAFilterMayBeZeroOrFalse(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		document := request(t, "ask")
		for _, reference := range []string{"0", "false", "vendor_1"} {
			require.Zero(t, d.run(t, "", "case", "start", "--reference", reference, "-f", document).status)
		}
		for _, value := range []string{"0", "false"} {
			for flag, want := range map[string]bool{"--prefix": true, "--account": false, "--case-id": false} {
				got := d.run(t, "", "case", "list", flag, value)
				require.Zero(t, got.status, got.err)
				require.Equal(t, want, strings.Contains(got.out, "case-"+value), "%s %s: %s", flag, value, got.out)
				require.NotContains(t, got.out, "vendor_1", flag)
			}
		}
		require.Contains(t, d.run(t, "", "case", "list").out, "vendor_1", "without filters")
	})
}

func TestDeliveryAndActivationCommandsWorkDirectlyAndOverTheAPI(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		d.fake.Activate("crm", "act_1", "art_key")
		for _, c := range []struct {
			args   []string
			status int
			says   string
		}{
			{[]string{"activation", "list"}, 0, `crm +act_1 +ACTIVE`},
			{[]string{"activation", "list", "--agent", "other"}, 0, `^AGENT +ACTIVATION[^\n]*\n$`},
			{[]string{"activation", "show", "crm", "act_1"}, 0, `API key +held`},
			{[]string{"activation", "show", "crm", "act_1", "--json"}, 0, `"hasApiKey": true`},
			{[]string{"activation", "show", "crm", "act_2"}, 3, ``},
			{[]string{"approval", "list", "crm", "act_1"}, 0, `MESSAGE`},
			{[]string{"notice", "list"}, 0, `SOURCE`},
			{[]string{"notice", "list", "vendor_404"}, 3, ``},
			{[]string{"notice", "resend", "vendor_404"}, 3, ``},
			{[]string{"notice", "dismiss", "vendor_404", "n1"}, 3, ``},
			{[]string{"notice", "resend", "vendor_404", "n1", "--since", "2h"}, 2, ``},
			{[]string{"inbox", "list"}, 0, `unmatched`},
			{[]string{"inbox", "list", "--state", "dead"}, 0, d.dead},
			{[]string{"inbox", "list", "--reference", "vendor_1", "--limit", "1"}, 0, d.delivered},
			{[]string{"inbox", "counts"}, 0, `dead +1`},
			{[]string{"inbox", "show", d.delivered}, 0, `body \(redacted\)`},
			{[]string{"inbox", "show", d.delivered, "--reveal"}, 0, `pat@example.com`},
			{[]string{"inbox", "show", inbox.NewID(time.Now())}, 3, ``},
			{[]string{"catch-up", "--since", "1h", "--dry-run"}, 0, `deliveries to replay +1 to do \(1 unmatched, 0 late\)`},
			{[]string{"catch-up", "--since", "1h"}, 0, `deliveries to replay +1 done`},
			{[]string{"catch-up", "--since", "1h", "--json"}, 0, `"deliveries": {}`},
			{[]string{"inbox", "replay", d.dead}, 4, ``},
			{[]string{"inbox", "replay", "--all"}, 0, `0 replayed, 1 skipped`},
			{[]string{"inbox", "dismiss", d.dead, d.delivered}, 4, ``},
			{[]string{"inbox", "dismiss", d.dead}, 0, `1 dismissed`},
			{[]string{"inbox", "purge", "--rows-before", "1h"}, 0, `0 bodies and 0 deliveries`},
			{[]string{"inbox", "release"}, 2, ``},
			{[]string{"inbox", "audit"}, 0, `replay +1 deliveries: state=unmatched,late since=`},
		} {
			got := d.run(t, "", c.args...)
			require.Equal(t, c.status, got.status, "%v: %s%s", c.args, got.out, got.err)
			require.Regexp(t, c.says, got.out, c.args)
		}
		require.Regexp(t, `ago|now`, d.run(t, "", "inbox", "audit").out)
	})
}

func TestReferencesAgentsAndActivationsAreCompleted(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		document := request(t, "ask")
		for _, reference := range []string{"vendor_9", "vendor_10", "other"} {
			require.Zero(t, d.run(t, "", "case", "start", "--reference", reference, "-f", document).status)
		}
		d.fake.Ask("vendor_10", "Really?")
		d.fake.Activate("crm", "act_1", "")
		d.fake.Activate("pages", "act_2\x1b[2J", "")
		for line, want := range map[string]string{
			"case show ":               "other vendor_10 vendor_9",
			"case wait vendor_":        "vendor_10 vendor_9",
			"case answer ":             "vendor_10",
			"case show vendor_9 ":      "",
			"activation show ":         "crm pages",
			"activation show crm ":     "act_1",
			"activation show pages ":   "",
			"approval list crm act_1 ": "",
			"notice list ":             "",
			"case show quote'":         "",
		} {
			args := strings.Split(line, " ")
			got := d.run(t, "", append([]string{"__complete"}, args...)...)
			require.Zero(t, got.status, got.err)
			offered, _, found := strings.Cut(got.out, ":4\n") // no files
			require.True(t, found, got.out)
			require.Equal(t, want, strings.Join(strings.Fields(offered), " "), line)
		}
	})
}

func TestTheTokenOfTheAPIDecides(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		address := d.process.variable("SIGNALBOX_API")
		if address == "" {
			return // it is about the API
		}
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte(apiSecret+"\n"), 0o600))
		for name, c := range map[string]struct {
			environ []string
			args    []string
			status  int
			says    string
		}{
			"from a file":            {[]string{"SIGNALBOX_API_TOKEN_FILE=" + file}, []string{"case", "list", "--api", address}, 0, ""},
			"none":                   {nil, []string{"case", "list", "--api", address}, 2, "No valid token"},
			"wrong":                  {[]string{"SIGNALBOX_API_TOKEN=wrong-0123456789"}, []string{"case", "list", "--api", address}, 2, "No valid token"},
			"empty":                  {[]string{"SIGNALBOX_API_TOKEN="}, []string{"case", "list", "--api", address}, 2, "SIGNALBOX_API_TOKEN"},
			"with a line end":        {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret + "\n"}, []string{"case", "list", "--api", address}, 2, "SIGNALBOX_API_TOKEN has spaces or line ends around it: remove them"},
			"URL with a space":       {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret, "SIGNALBOX_API=" + address + "/ "}, []string{"case", "list"}, 2, "--api (SIGNALBOX_API): want"},
			"two":                    {[]string{"SIGNALBOX_API_TOKEN=a", "SIGNALBOX_API_TOKEN_FILE=" + file}, []string{"todo", "--api", address}, 2, "only one"},
			"lacks a scope":          {[]string{"SIGNALBOX_API_TOKEN=token-of-a-reader-01234"}, []string{"case", "check", "a", "--api", address}, 2, "scope"},
			"no URL":                 {nil, []string{"case", "list", "--api", "signalbox:8081"}, 2, "--api"},
			"credentials in it":      {nil, []string{"case", "list", "--api", "http://ann:secret@127.0.0.1"}, 2, "--api"},
			"who acts":               {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "check", "a", "--by", "bob", "--api", address}, 2, "--by"},
			"another inbox":          {[]string{"SIGNALBOX_API=" + address}, []string{"inbox", "purge", "--rows-before", "1h", "--inbox", "old.db"}, 2, "--inbox: the API uses the settings of its process"},
			"an inbox for a list":    {nil, []string{"todo", "--inbox", "old.db", "--api", address}, 2, "--inbox: the API"},
			"an inbox to catch up":   {nil, []string{"catch-up", "--since", "1h", "--dry-run", "--inbox", "old.db", "--api", address}, 2, "--inbox: the API"},
			"another keyring":        {nil, []string{"inbox", "show", "a", "--keyring", "old.json", "--api", address}, 2, "--keyring: the API"},
			"another configuration":  {nil, []string{"case", "transcript", "a", "--config", "old.yaml", "--api", address}, 2, "--config: the API"},
			"settings in variables":  {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret, "SIGNALBOX_INBOX=old.db", "SIGNALBOX_KEYRING=old.json", "SIGNALBOX_CONFIG=old.yaml"}, []string{"todo", "--api", address}, 0, ""},
			"accounts":               {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"todo", "--account", "a", "--api", address}, 2, "--account"},
			"no process there":       {nil, []string{"case", "list", "--api", "http://127.0.0.1:1"}, 6, "the API"},
			"needs the keyring":      {nil, []string{"keys", "create", file, "--api", address}, 2, "unknown flag: --api"},
			"no such case":           {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "transcript", "missing", "--api", address}, 3, "Not found"},
			"a process is no client": {nil, []string{"serve", "--api", address}, 2, "unknown flag: --api"},
			"account elsewhere":      {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "transcript", "elsewhere", "--api", address}, 2, "add the account"},
			"case unknown there":     {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "transcript", "unknown", "--api", address}, 3, "Offload does not have this case"},
			"case not created yet":   {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "transcript", "new", "--api", address}, 3, "has not created the case yet"},
			"Offload refuses":        {[]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, []string{"case", "transcript", "refused", "--api", address}, 1, "check the account's API key"},
		} {
			p := testProcess(c.environ, d.process.dialTemporal, storage.OpenExisting)
			got := p.result(t, c.args)
			require.Equal(t, c.status, got.status, "%s: %s", name, got.err)
			require.Contains(t, got.err, c.says, name)
			require.NotContains(t, got.err, apiSecret)
			require.NotContains(t, got.err, "ann:secret")
		}
		// No account's key is needed here.
		p := testProcess([]string{"SIGNALBOX_API_TOKEN=" + apiSecret}, d.process.dialTemporal, storage.OpenExisting)
		got := p.result(t, []string{"case", "transcript", "vendor_2048", "--api", address})
		require.Zero(t, got.status, got.err)
		require.Equal(t, "Ada: a \\u001b[2J PDF?\n", got.out)

		p = testProcess([]string{"SIGNALBOX_API_TOKEN=token-of-a-reader-01234"}, d.process.dialTemporal, storage.OpenExisting)
		got = p.result(t, []string{"todo", "--api", address})
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, "the list is without activations and deliveries: the token lacks the scope to read them\n")
	})
}

func TestAnotherServerThanTheAPIIsReportedAndGetsNoTokenByRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
	}{
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, 2},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, 2},
		"a broken proxy": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, 6},
	} {
		server := httptest.NewServer(c.answer)
		t.Cleanup(server.Close)
		got := command(t, []string{"SIGNALBOX_API_TOKEN=" + apiSecret}, "case", "list", "--api", server.URL)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.err)
		require.NotContains(t, got.err, apiSecret)
	}
}

func TestAnInterruptedCommandHasFailedAndIsNoOutage(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"over Temporal": {"case", "show", "a"},
		"over the API":  {"case", "show", "a", "--api", "URL"},
		"a webhook":     {"webhook", "send", "-f", request(t, "ask"), "--url", "URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or else the server does not see that the caller has gone
				interrupt()
				<-r.Context().Done()
			}))
			t.Cleanup(silent.Close)
			p := testProcess(nil, func(ctx context.Context, _ client.Options) (client.Client, error) {
				interrupt()
				return nil, ctx.Err()
			}, storage.OpenExisting)
			var says bytes.Buffer
			p.in, p.out, p.err = strings.NewReader(""), io.Discard, &says
			status := p.run(ctx, strings.Split(strings.ReplaceAll(strings.Join(args, " "), "URL", silent.URL), " "))
			require.Equal(t, 1, status, says.String())
			require.Equal(t, "signalbox: interrupted\n", says.String())
		})
	}
}

// answersOf serves the answers of the API in order, and returns what it was asked.
func answersOf(t *testing.T, answers ...string) (address string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := len(*asked)
		*asked = append(*asked, string(body))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answers[n])
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestACatchUpOverTheAPIGoesOnUntilAllCasesAreRead(t *testing.T) {
	t.Parallel()
	address, asked := answersOf(t,
		`{"cases":{"done":5},"notices":{"done":2},"deliveries":{"late":1},"next":"abc"}`, `{"cases":{"done":3,"skipped":1},"notices":{"done":0},"deliveries":{}}`)
	got := command(t, nil, "catch-up", "--since", "2026-05-01T12:00:00Z", "--api", address)
	require.Zero(t, got.status, got.err)
	require.Regexp(t, `cases to check +8 done, 1 skipped`, got.out)
	require.Regexp(t, `notices to resend +2 done`, got.out)
	require.Len(t, *asked, 2)
	require.NotContains(t, (*asked)[0], "cursor")
	require.Contains(t, (*asked)[1], `"cursor":"abc"`)
}

func TestACatchUpInAnOutageReportsWhatItDidAndNothingElse(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		document := request(t, "ask")
		for _, reference := range []string{"vendor_1", "vendor_2", "vendor_3"} {
			require.Zero(t, d.run(t, "", "case", "start", "--reference", reference, "-f", document).status)
		}
		d.notices.awayAfterSignal = true
		got := d.run(t, "", "catch-up", "--since", "1h")
		require.NotZero(t, got.status, got.out)
		require.Regexp(t, `deliveries to replay +1 done`, got.out)
		require.Regexp(t, `cases to check +1 done, 0 skipped, 0 failed`, got.out)
		require.Contains(t, got.out+got.err, "temporarily unavailable")

		got = d.run(t, "", "catch-up", "--since", "1h")
		require.Equal(t, 6, got.status, got.out)
		require.Empty(t, got.out, "no delivery is left, and Temporal is away")

		d.notices.away, d.notices.awayAfterSignal = false, false
		got = d.run(t, "", "catch-up", "--since", "1h")
		require.Zero(t, got.status, got.err)
		require.Regexp(t, `cases to check +3 done`, got.out)
		if d.process.variable("SIGNALBOX_API") == "" {
			return
		}
		d.process = testProcess([]string{"SIGNALBOX_API=" + d.process.variable("SIGNALBOX_API"), "SIGNALBOX_API_TOKEN=token-of-a-reader-01234"},
			d.process.dialTemporal, storage.OpenExisting)
		got = d.run(t, "", "catch-up", "--since", "1h")
		require.Equal(t, 2, got.status, got.err)
		require.Empty(t, got.out)
	})
}

func TestAToDoListSaysWhatItCouldNotReadWhole(t *testing.T) {
	t.Parallel()
	for answer, says := range map[string]string{
		`{"items":[],"total":2000,"truncated":true,"workflows":2500}`: "the list is incomplete: 2500 workflows need attention and one list reads 2000, so urgent items may be missing",
		`{"items":[],"total":600,"truncated":true,"workflows":100}`:   "the list is incomplete: there are more workflows or deliveries than one list reads, so urgent items may be missing",
	} {
		address, _ := answersOf(t, answer)
		got := command(t, nil, "todo", "--api", address)
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, says)
	}
}

// A wrong URL or token is the most frequent mistake with --api.
func TestAWrongURLOrTokenOfTheAPISaysWhatToSet(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		address := d.process.variable("SIGNALBOX_API")
		if address == "" {
			return // it is about the API
		}
		ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"type":"about:blank","title":"Not Found","status":404}`)
		}))
		t.Cleanup(ingress.Close)
		for name, c := range map[string]struct {
			environ []string
			address string
			status  int
			says    string
		}{
			"the ingress": {nil, ingress.URL, 2, "--api (SIGNALBOX_API): status 404 is no answer of the API, which is on the internal listener, by default :8081"},
			"with /v1":    {nil, address + "/v1", 2, "--api (SIGNALBOX_API): leave /v1 out of the URL"},
			"with /v1/":   {nil, address + "/v1/", 2, "--api (SIGNALBOX_API): leave /v1 out of the URL"},
			"https":       {nil, strings.Replace(address, "http://", "https://", 1), 2, "--api (SIGNALBOX_API): the server speaks no TLS: use http://"},
			"nothing":     {nil, "http://127.0.0.1:1", 6, "does signalbox-dev or signalbox serve run there? --api (SIGNALBOX_API) has its URL"},
			"no token":    {nil, address, 2, "set SIGNALBOX_API_TOKEN"},
			"wrong token": {[]string{"SIGNALBOX_API_TOKEN=wrong-0123456789"}, address, 2, "set SIGNALBOX_API_TOKEN"},
		} {
			p := testProcess(c.environ, d.process.dialTemporal, storage.OpenExisting)
			got := p.result(t, []string{"case", "list", "--api", c.address})
			require.Equal(t, c.status, got.status, "%s: %s", name, got.err)
			require.Contains(t, got.err, c.says, name)
		}
	})
}

func TestWhatDoesNotExistIsNamedInTheSameWordsOverTemporalAndTheAPI(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		for _, c := range []struct{ line, says string }{
			{"case show nosuch", "there is no case with this reference: check it, or list the cases"},
			{"case wait nosuch", "there is no case with this reference: check it, or list the cases"},
			{"case wait nosuch --question", "there is no case with this reference: check it, or list the cases"},
			{"case cancel nosuch", "there is no case with this reference: check it, or list the cases"},
			{"case retry-create nosuch", "there is no case with this reference: check it, or list the cases"},
			{"case check nosuch", "there is no case with this reference: check it, or list the cases"},
			{"activation show crm nosuch", "the agent has no activation with this ID: check both, or list the activations"},
			{"notice list nosuch", "the source has no notices: it does not exist, none arose yet, or no callback and no replyTo was named"},
			{"notice resend nosuch", "the source has no notices: it does not exist, none arose yet, or no callback and no replyTo was named"},
		} {
			got := d.run(t, "", strings.Fields(c.line)...)
			require.Equal(t, 3, got.status, "%s: %s", c.line, got.err)
			require.Contains(t, got.err, c.says, c.line)
		}
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		got := d.run(t, "", "notice", "list", "vendor_9")
		require.Zero(t, got.status, got.err)
		require.Regexp(t, `^ID[^\n]+\n$`, got.out)
		require.Contains(t, got.err, "vendor_9 has no notices: none arose yet, or no callback and no replyTo was named")
	})
}
