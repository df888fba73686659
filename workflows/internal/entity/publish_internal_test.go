package entity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestTheDetailsSayWhatToDoForEachAttention(t *testing.T) {
	t.Parallel()
	require.Equal(t, "**RUNNING**", withWhatToDo("**RUNNING**", nil))
	for _, attention := range workflows.Attentions() {
		sentence, _ := workflows.AttentionHelp(attention)
		require.Equal(t, "**RUNNING**\n\nAttention:\n\n- `"+attention+"`: "+sentence, withWhatToDo("**RUNNING**", []string{attention}))
	}
}
