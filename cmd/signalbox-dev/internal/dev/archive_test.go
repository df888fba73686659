package dev_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// attached is what the simulator's scripts attach.
const attached = "Please find our answer attached.\n"

func TestAnAttachmentEndsInTheBucket(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		play   func(t *testing.T) *signalbox.Case
		source workflows.NewsSource
	}{
		"by webhook": {func(t *testing.T) *signalbox.Case {
			return ended(t, startScripted(t, "archived-by-webhook", "complete", workflows.CaseOptions{}))
		}, workflows.NewsByWebhook},
		"by polling": {completeUnheard, workflows.NewsByPoll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := row.play(t)
			outcome, err := testenv.Within(t, one.Wait)
			require.NoError(t, err)
			require.Equal(t, workflows.CaseCompleted, outcome.Status)
			require.Equal(t, row.source, outcome.Source)
			require.Empty(t, outcome.Attention)
			require.Len(t, outcome.Facts.Attachments, 1)
			files := stories.MustRetry(t, one.Files)
			require.Empty(t, files.Unstored)
			require.Len(t, files.Stored, 1)
			stored := files.Stored[0]
			require.Equal(t, outcome.Facts.Attachments[0].ID, stored.AttachmentID)

			content, err := os.ReadFile(filepath.Join(shared.folder, "files", filepath.FromSlash(stored.Key)))
			require.NoError(t, err)
			require.Equal(t, attached, string(content))
			sum := sha256.Sum256(content)
			require.Equal(t, hex.EncodeToString(sum[:]), stored.SHA256)
			require.Equal(t, int64(len(content)), stored.Size)
		})
	}
}

// completeUnheard completes a case with a file, and loses the webhook.
func completeUnheard(t *testing.T) *signalbox.Case {
	t.Helper()
	one := startScripted(t, "archived-by-polling", "manual", impatient)
	caseID := inStatus(t, one, workflows.CaseRunning).CaseID
	offload := shared.Simulators.Offload
	require.NoError(t, offload.SendFirstMessage(caseID))
	_, err := offload.ReceiveAttachment(caseID, "reply.txt", "text/plain", []byte(attached))
	require.NoError(t, err)
	require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
	require.NoError(t, offload.Complete(caseID, map[string]any{"answered": true}))
	return one
}
