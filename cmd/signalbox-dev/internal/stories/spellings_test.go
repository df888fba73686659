package stories_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
)

func TestATextIsFoundWhereverItBegins(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"art_agent_found", "reply.txt"} {
		spellings := stories.Spellings(text)
		for _, one := range spellings {
			require.GreaterOrEqual(t, len(one), 9, "so long that no other text has it by chance")
		}
		for _, before := range []string{"", "x", "xy", "xyz"} {
			for _, behind := range []string{"", "a", "af", "aft"} {
				exported := base64.StdEncoding.EncodeToString([]byte(before + text + behind))
				require.True(t, slices.ContainsFunc(spellings, func(one string) bool { return strings.Contains(exported, one) }), before)
			}
		}
	}
}
