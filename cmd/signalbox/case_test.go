package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func TestAStartTellsAFirstOneFromALaterOne(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		start := []string{"case", "start", "--reference", "vendor_9", "-f", request(t, "ask")}
		require.Regexp(t, `status +started\n`, d.run(t, "", start...).out)
		require.Regexp(t, `status +attached \(RUNNING\)\n`, d.run(t, "", start...).out)
		d.fake.Complete("vendor_9", nil)
		require.Regexp(t, `status +attached \(COMPLETED\)\n`, d.run(t, "", start...).out)
		require.Contains(t, d.run(t, "", append(start, "--json")...).out, `"attached": true`)
	})
}

func TestAnAnswerThatCantBeGivenSaysWhereTheCaseStands(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		who := d.process.who()
		if d.process.variable("SIGNALBOX_API") != "" {
			who = "ann" // the token's name
		}
		refused := func(args ...string) string {
			got := d.run(t, "Yes.", append([]string{"case", "answer", "vendor_9"}, args...)...)
			require.Equal(t, 4, got.status, got.err)
			return got.err
		}
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		for _, args := range [][]string{nil, {"--question", "q1", "--text", "Yes."}} {
			says := refused(args...)
			require.Contains(t, says, "answer case vendor_9: no open question: RUNNING: A webhook of Offload; from ")
			require.Contains(t, says, "`signalbox case wait vendor_9 --question` waits for a question")
		}
		id := d.fake.Ask("vendor_9", "Is a PDF fine?")
		require.Regexp(t, `status +answered: on its way to Offload\n`, d.run(t, "", "case", "answer", "vendor_9", "--text", "Yes.").out)
		for _, args := range [][]string{nil, {"--question", id, "--text", "Yes."}} {
			require.Regexp(t, `answer case vendor_9: already answered by `+who+` \((now|\d+ seconds? ago)\)`, refused(args...))
		}
		d.fake.Complete("vendor_9", nil)
		for _, args := range [][]string{nil, {"--question", id, "--text", "Yes."}} {
			require.Regexp(t, `answer case vendor_9: already ended: COMPLETED \((now|\d+ seconds? ago)\)`, refused(args...))
		}
	})
}

func TestAWaitShowsEachQuestionAndCanEndWithIt(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		got := d.run(t, "", "case", "wait", "vendor_9", "--timeout", "1ms")
		require.Equal(t, 6, got.status, got.err)
		require.Contains(t, got.err, "wait for case vendor_9: timed out after 1ms; the case goes on: run the command again")

		d.fake.Ask("vendor_9", "Is a \x1b[2JPDF fine?")
		got = d.run(t, "", "case", "wait", "vendor_9", "--question")
		require.Zero(t, got.status, got.err)
		require.Regexp(t, `question +Is a \\u001b\[2JPDF fine\?\n`, got.out)
		require.Contains(t, d.run(t, "", "case", "wait", "vendor_9", "--question", "--json").out, `"status": "INPUT_NEEDED"`)

		prints := newPrints()
		p := d.process
		p.in, p.out, p.err = strings.NewReader(""), io.Discard, prints
		ends := make(chan int, 1)
		go func() { ends <- p.run(t.Context(), []string{"case", "wait", "vendor_9"}) }()
		prints.await(t, "signalbox: the case asks: Is a \\u001b[2JPDF fine?\nsignalbox: answer with `signalbox case answer vendor_9`\n")
		d.fake.Complete("vendor_9", nil)
		require.Zero(t, <-ends)
		require.Equal(t, 1, strings.Count(prints.String(), "the case asks"))

		got = d.run(t, "", "case", "wait", "vendor_9", "--question")
		require.Equal(t, 4, got.status, got.err)
		require.Contains(t, got.err, "already ended: COMPLETED")
	})
}

func TestAWaitOverTheAPIGoesOnWithoutAWorker(t *testing.T) {
	t.Parallel()
	problem := func(status int, kind, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", retryAfter)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"type":"urn:signalbox:problem:%s","title":"Not now","status":%d,"detail":"no worker","requestId":"r"}`, kind, status)
		}
	}
	away := problem(http.StatusServiceUnavailable, "unavailable", "0")
	ends := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"reference":"a","status":"COMPLETED","outcome":{"reference":"a","status":"COMPLETED"}}`)
	}
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		args    string
		status  int
		said    int
	}{
		"it comes back":     {[]http.HandlerFunc{away, away, away, ends}, "case wait a", 0, 1},
		"until the time":    {[]http.HandlerFunc{problem(http.StatusServiceUnavailable, "unavailable", "3600")}, "case wait a --timeout 100ms", 6, 1},
		"for a question":    {[]http.HandlerFunc{away, away, ends}, "case wait a --question", 4, 1},
		"no token":          {[]http.HandlerFunc{problem(http.StatusUnauthorized, "unauthorized", "0")}, "case wait a", 2, 0},
		"lacks a scope":     {[]http.HandlerFunc{problem(http.StatusForbidden, "missing-scope", "0")}, "case wait a", 2, 0},
		"no such case":      {[]http.HandlerFunc{problem(http.StatusNotFound, "not-found", "0")}, "case wait a", 3, 0},
		"another server":    {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }}, "case wait a", 6, 0},
		"refused meanwhile": {[]http.HandlerFunc{away, problem(http.StatusUnauthorized, "unauthorized", "0")}, "case wait a", 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.answers[min(int(asked.Add(1)), len(c.answers))-1](w, r)
			}))
			t.Cleanup(server.Close)
			got := command(t, nil, append(strings.Fields(c.args), "--api", server.URL)...)
			require.Equal(t, c.status, got.status, got.err)
			require.Equal(t, c.said, strings.Count(got.err, "signalbox: still waiting: Not now: no worker (request r)\n"), got.err)
			require.GreaterOrEqual(t, int(asked.Load()), len(c.answers))
		})
	}
}

func TestACaseShowsItsGoalAndItsEnd(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "Obtain a signed W-9")).status)
		shown := d.run(t, "", "case", "show", "vendor_9").out
		require.Regexp(t, `goal +Obtain a signed W-9\n`, shown)
		require.Regexp(t, `counterparty +V\n`, shown)
		require.NotContains(t, shown, "known by")
		id := d.fake.Ask("vendor_9", "Is a PDF fine?")
		require.Zero(t, d.run(t, "", "case", "answer", "vendor_9", "--text", "Yes, \x1b[2Jit is.").status)
		d.fake.AwaitAnswer("vendor_9", id)
		d.fake.Complete("vendor_9", map[string]any{"signed": true})
		for _, command := range []string{"wait", "show"} {
			got := d.run(t, "", "case", command, "vendor_9")
			require.Zero(t, got.status, got.err)
			require.Regexp(t, `result status +goal_achieved\n`, got.out, command)
			require.Regexp(t, `result +{"signed":true}\n`, got.out, command)
			require.Regexp(t, `known by +webhook\n`, got.out, command)
			require.Regexp(t, `answer +Yes, \\u001b\[2Jit is\. \(by \S+, `, got.out, command)
		}
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_10", "-f", request(t, "ask")).status)
		d.fake.Fail("vendor_10", "max_retries", "no answer")
		got := d.run(t, "", "case", "show", "vendor_10")
		require.Regexp(t, `result status +max_retries\n`, got.out)
		require.Regexp(t, `reason +no answer\n`, got.out)
	})
}

func TestWhatACaseWaitsForNamesTheCommands(t *testing.T) {
	t.Parallel()
	state := workflows.CaseState{Reference: "a", Status: workflows.CaseCreateUncertain, WaitingFor: "Use adopt-case with its caseId, or retry-create if there is none."}
	for _, line := range []string{"case show a", "case answer a --text Yes"} {
		got := commandWith(t, nil, answeringCase(t, state), strings.Fields(line)...)
		require.Contains(t, got.out+got.err, "Use `case adopt` with its caseId, or `case retry-create` if there is none.", line)
	}
}

func TestCtrlCEndsAWaitAndTheCaseGoesOn(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		d.fake.Ask("vendor_9", "Is a PDF fine?")
		prints := newPrints()
		p := d.process
		p.in, p.out, p.err = strings.NewReader(""), io.Discard, prints
		ctx, interrupt := context.WithCancel(t.Context())
		ends := make(chan int, 1)
		go func() { ends <- p.run(ctx, []string{"case", "wait", "vendor_9"}) }()
		prints.await(t, "the case asks")
		interrupt()
		require.Equal(t, 1, <-ends)
		require.Contains(t, prints.String(), "wait for case vendor_9: stopped waiting; the case goes on: run the command again\n")
	})
}

func TestCtrlCEndsACommandThatReadsStandardInput(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		d.fake.Ask("vendor_9", "Is a PDF fine?")
		for _, args := range [][]string{{"case", "start", "-f", "-"}, {"case", "answer", "vendor_9"}, {"webhook", "send", "-f", "-", "--url", "http://127.0.0.1:1"}} {
			typed, write := io.Pipe()
			ctx, interrupt := context.WithCancel(t.Context())
			p := d.process
			p.in, p.out, p.err = typed, io.Discard, io.Discard
			ends := make(chan int, 1)
			go func() { ends <- p.run(ctx, args) }()
			_, err := write.Write([]byte(" "))
			require.NoError(t, err)
			interrupt()
			select {
			case status := <-ends:
				require.Equal(t, 1, status, args)
			case <-time.After(time.Minute):
				t.Fatalf("%v does not end", args)
			}
			require.NoError(t, write.Close())
		}
	})
}

// prints is the standard error of a command that runs.
type prints struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func newPrints() *prints { return &prints{wrote: make(chan struct{}, 100)} }

func (p *prints) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote <- struct{}{}
	return p.text.Write(text)
}

func (p *prints) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *prints) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(p.String(), text) {
		select {
		case <-p.wrote:
		case <-time.After(time.Minute):
			t.Fatalf("it prints only %q", p.String())
		}
	}
}

func TestACaseWithoutFilesSaysWhy(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		got := d.run(t, "", "case", "files", "vendor_9")
		require.Equal(t, 3, got.status, got.err)
		require.Contains(t, got.err, "case vendor_9 has no files yet: it is RUNNING, and files are stored after its end\n")
		d.fake.Complete("vendor_9", nil)
		got = d.run(t, "", "case", "files", "vendor_9")
		require.Equal(t, 3, got.status, got.err)
		require.Contains(t, got.err, "case vendor_9 has no files: it ended as COMPLETED without any to store\n")
		require.Contains(t, d.run(t, "", "case", "files", "nosuch").err, "there is no case with this reference")
	})
}

// read is a case that a command reads once.
type read struct {
	oneCase

	state workflows.CaseState
	err   error
}

func (r read) State(context.Context) (workflows.CaseState, error) { return r.state, r.err }

func TestACaseWhoseFilesAreNotStoredSaysWhy(t *testing.T) {
	t.Parallel()
	cancelled := workflows.CaseState{Reference: "a", Status: workflows.CaseCancelled, Facts: workflows.CaseFacts{Attachments: []workflows.Attachment{{ID: "1"}}}}
	checked := workflows.CaseState{Reference: "a", Status: workflows.CaseCompleted, WaitingFor: "Ended; its result is being checked."}
	for says, one := range map[string]read{
		"case a was cancelled: its files are not stored":              {state: cancelled},
		"case a has no files yet: Ended; its result is being checked": {state: checked},
		signalbox.ErrNoFiles.Error():                                  {err: signalbox.ErrUnavailable},
	} {
		err := noFiles(t.Context(), one, signalbox.ErrNoFiles)
		require.ErrorIs(t, err, signalbox.ErrNoFiles)
		require.ErrorContains(t, err, says)
	}
}

func TestARefusedValueNamesItsFlag(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		if d.process.variable("SIGNALBOX_API") == "" {
			return // it is about the API
		}
		for line, says := range map[string]string{
			"case list --state NO":                    "--state: want one of",
			"case list --cursor x":                    "--cursor: ",
			"case list --attention typo":              "--attention: ",
			"case list --limit 1000":                  "--limit: want at most 100",
			"case list --started 1":                   "unknown flag",
			"inbox list --state no --provider nobody": "--provider: want one of",
		} {
			got := d.run(t, "", strings.Fields(line)...)
			require.Equal(t, 2, got.status, got.err)
			require.Contains(t, got.err, says, line)
		}
	})
}
