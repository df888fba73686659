package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAnAnswerIsWrittenInAnEditor(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		id := d.fake.Ask("vendor_9", "Is a PDF fine?\r\n# A \x1b[2Jsecond line")
		folder := t.TempDir()
		seen := filepath.Join(folder, "seen")
		editor := func(script string) string {
			path := filepath.Join(folder, "my editor")
			require.NoError(t, os.WriteFile(path, []byte("cp \"$2\" "+seen+"\n"+script), 0o600))
			// A file that was just written can't always be executed: another test may fork while it is open.
			return "sh '" + path + "' --wait"
		}
		answer := func(variable, script string) result {
			terminal := d
			terminal.process.terminal = true
			terminal.process.settings.Environ = append([]string{variable + "=" + editor(script)}, d.process.settings.Environ...)
			return terminal.run(t, "", "case", "answer", "vendor_9")
		}

		empty := answer("EDITOR", "")
		require.Equal(t, 1, empty.status)
		require.Contains(t, empty.err, "the answer is empty")
		question, err := os.ReadFile(seen)
		require.NoError(t, err)
		require.Contains(t, string(question), "# Question of vendor_9:\n#   Is a PDF fine?\n#   # A \\u001b[2Jsecond line\n")

		failed := answer("EDITOR", "exit 3\n")
		require.Equal(t, 1, failed.status)
		require.Contains(t, failed.err, "no answer was sent")

		given := answer("VISUAL", "printf 'Yes.\\n# no\\nTwo pages.\\n' > \"$2.new\"; cat \"$2\" >> \"$2.new\"; mv \"$2.new\" \"$2\"\n")
		require.Zero(t, given.status, given.err)
		require.Equal(t, "Yes.\nTwo pages.", d.fake.AwaitAnswer("vendor_9", id))
		who := d.process.who()
		if d.process.variable("SIGNALBOX_API") != "" {
			who = "ann" // the token's name
		}
		require.Contains(t, d.run(t, "", "case", "show", "vendor_9", "--json").out, fmt.Sprintf(`"by": %q`, who))
	})
}

func TestAQuestionDoesNotChangeTheSettingsOfTheEditor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"vim: set fdm=expr fde=x:":        "vim : set fdm=expr fde=x:",
		"/* Vim>700:noma */":              "/* Vim>700 :noma */",
		"vi:noma\n\tex: set noma:":        "vi :noma\n\tex : set noma:",
		"Local Variables:\nmode: x\nEnd:": "Local Variables :\nmode: x\nEnd:",
		"kate: x on; kak: y":              "kate : x on; kak : y",
		"Terms: regex: a, index:b":        "Terms: regex: a, index:b",
	} {
		require.Equal(t, want, modeline.ReplaceAllString(text, "$1 :"))
	}
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		d.fake.Ask("vendor_9", "A PDF?\nvim: set modifiable:")
		d.process.terminal = true
		d.process.settings.Environ = append([]string{"VISUAL=cat"}, d.process.settings.Environ...)
		got := d.run(t, "", "case", "answer", "vendor_9")
		require.Equal(t, 1, got.status)
		require.Contains(t, got.out, "#   vim : set modifiable:\n")
	})
}

func TestCtrlCInTheEditorLosesNoAnswer(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		id := d.fake.Ask("vendor_9", "Is a PDF fine?")
		if d.process.variable("SIGNALBOX_API") != "" {
			return // all tests of this process get its signals
		}
		p := d.process
		var errOut strings.Builder
		p.in, p.out, p.err, p.terminal = strings.NewReader(""), &errOut, &errOut, true
		ctx, stop := p.untilSignal(t.Context())
		defer stop()
		// In a terminal, Ctrl-C signals the editor and its parent. The editor ends a moment after this process has got both.
		folder := t.TempDir()
		script, got := filepath.Join(folder, "editor"), filepath.Join(folder, "got")
		require.NoError(t, os.WriteFile(script, fmt.Appendf(nil,
			"trap : INT\nfor n in 1 2; do kill -INT %d $$; until [ -e %s$n ]; do sleep 0.05; done; done\necho Yes. > \"$1\"\n", os.Getpid(), got), 0o600))
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, os.Interrupt)
		defer signal.Stop(signals)
		go func() {
			for n := 1; n <= 2; n++ {
				select {
				case <-signals:
				case <-t.Context().Done():
					return
				}
				<-time.After(200 * time.Millisecond)
				if err := os.WriteFile(fmt.Sprint(got, n), nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}()
		p.settings.Environ = append([]string{"VISUAL=sh " + script}, p.settings.Environ...)
		require.Zero(t, p.run(ctx, []string{"case", "answer", "vendor_9"}), errOut.String())
		require.Equal(t, "Yes.", d.fake.AwaitAnswer("vendor_9", id))

		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, self.Signal(os.Interrupt))
		select {
		case <-ctx.Done():
			require.ErrorIs(t, ctx.Err(), context.Canceled)
		case <-time.After(time.Minute):
			t.Fatal("Ctrl-C does not end the command after the editor")
		}
	})
}

func TestALongAnswerFromStandardInputIsNotCut(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		id := d.fake.Ask("vendor_9", "Is a PDF fine?")
		most := strings.Repeat("a", workflows.MaxTextBytes)
		for _, rest := range []string{" rest", "b", strings.Repeat(" ", workflows.MaxTextBytes) + "rest"} {
			got := d.run(t, most+rest, "case", "answer", "vendor_9")
			require.Equal(t, 2, got.status, got.err)
		}
		require.Contains(t, d.run(t, "", "case", "show", "vendor_9").out, "INPUT_NEEDED", "no answer was sent")
		require.Zero(t, d.run(t, most+"\n", "case", "answer", "vendor_9").status)
		require.Equal(t, most, d.fake.AwaitAnswer("vendor_9", id))
	})
}
