package offloadsim_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestCasesContinueAfterARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	var asked, waiting, manual, done string
	var before map[string]any
	run(t, offloadsim.Options{StateFile: file}, func(t *testing.T, b bench) {
		asked, waiting = b.create(script("question")), b.create(script("question"))
		done = b.create(script("complete"))
		manual = b.create(map[string]any{"clientReferenceId": "ref", "goal": map[string]any{"objective": "o"}})
		require.NoError(t, b.SendFirstMessage(manual))
		_, err := b.ReceiveAttachment(manual, "a.txt", "text/plain", []byte("hello"))
		require.NoError(t, err)
		request, err := b.AskInput(manual, "?")
		require.NoError(t, err)
		require.Equal(t, 202, b.answer(manual, request, "Because").Status)
		simtest.Pass(2 * pace) // The questions are asked, and the scripts do not wait for the answers yet.
		id := simtest.As[string](simtest.As[map[string]any](b.get(asked)["inputRequest"])["id"])
		require.Equal(t, 202, b.answer(asked, id, "Yes").Status)
		before = b.get(manual)
	})

	run(t, offloadsim.Options{StateFile: file}, func(t *testing.T, b bench) {
		require.Equal(t, before, b.get(manual))
		require.Len(t, b.CasesOf("ref"), 1)
		attachmentID := simtest.As[string](simtest.As[map[string]any](simtest.As[[]any](before["attachments"])[0])["attachmentId"])
		minted := b.call("GET", "/cases/"+manual+"/attachments/"+attachmentID, goodKey, "").data()
		require.Equal(t, "hello", b.fetch(simtest.As[string](minted["downloadUrl"])).Text)

		simtest.Pass(10 * pace)
		require.Equal(t, "COMPLETED", b.get(asked)["status"], "the accepted answer still counts")
		require.Equal(t, "COMPLETED", b.get(done)["status"])
		request := simtest.As[map[string]any](b.get(waiting)["inputRequest"])
		require.Equal(t, "PENDING", request["status"])
		require.Equal(t, 202, b.answer(waiting, simtest.As[string](request["id"]), "Yes").Status)
		simtest.Pass(10 * pace)
		require.Equal(t, "COMPLETED", b.get(waiting)["status"])
	})
}

func TestStateIsWrittenWithoutWaitingForClose(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	run(t, offloadsim.Options{StateFile: file}, func(t *testing.T, b bench) {
		id := b.create(nil)
		simtest.Pass(time.Second)
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(written), id)
	})
}

func TestBrokenOrUnwritableStateIsAnError(t *testing.T) {
	t.Parallel()
	keys := []offloadsim.Key{{Value: goodKey, Owner: "acme"}}
	for name, content := range map[string]string{
		"broken JSON": "{", "no request": `[{"id":"x","request":{}}]`,
	} {
		file := filepath.Join(t.TempDir(), "state.json")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := offloadsim.New(offloadsim.Options{Keys: keys, StateFile: file})
		require.ErrorContains(t, err, "state file", name)
	}
	synctest.Test(t, func(t *testing.T) {
		sim, err := offloadsim.New(offloadsim.Options{Keys: keys, StateFile: filepath.Join(t.TempDir(), "missing", "state.json")})
		require.NoError(t, err)
		b := bench{sim, t, &simtest.Receiver{}}
		b.create(nil)
		require.ErrorContains(t, sim.Close(), "write state")
	})
}
