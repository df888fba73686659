package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestANoticeThatIsGivenUpAtItsArrivalIsNotGivenUpTwice(t *testing.T) {
	t.Parallel()
	large := sized(9, finance, workflows.MaxNoticeBytes)
	s := received(sized(1, app, 300<<10), sized(2, finance, 300<<10), large, sized(3, finance, 300<<10), sized(4, finance, 300<<10))
	require.Equal(t, []string{"app 1 WAITING", "finance 2 WAITING", "finance 9 GIVEN_UP", "finance 3 WAITING", "finance 4 GIVEN_UP"}, statuses(s))
	require.Contains(t, s.Notices[2].LastError, "too large")
	require.Contains(t, s.Notices[4].LastError, "too many bytes wait")
}
