package ingress

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deadlines is a response whose connection keeps the last deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.last = at
	return nil
}

// The first 2 s are for any body. Then 64 KiB a second are required, up to the time that a verified body has.
func TestWhatHasArrivedOfAnUnverifiedBodyMovesItsDeadline(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_774_131_900, 0)
	b := newBodies(Config{MaxBody: 1 << 20, MaxUnverifiedInFlight: 4 << 20, ReadTimeout: 10 * time.Second}, func() time.Time { return began })
	for size, within := range map[int]time.Duration{
		0: 2 * time.Second, 64 << 10: 3 * time.Second, 256 << 10: 6 * time.Second, 512 << 10: 10 * time.Second, 1 << 20: 10 * time.Second,
	} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		read, err := b.readUnverified(w, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat(" ", size))), 1<<20)
		require.NoError(t, err)
		read.release()
		require.Equal(t, began.Add(within), w.last, "%d bytes", size)
	}
}

func TestABodyThatWasCutCutsNoOther(t *testing.T) {
	t.Parallel()
	g := &budget{free: 100}
	begin := func() *body {
		b := &body{conn: http.NewResponseController(&deadlines{ResponseRecorder: httptest.NewRecorder()})}
		g.begin(b)
		return b
	}
	oldest, second, third := begin(), begin(), begin()
	for _, b := range []*body{oldest, second, third} {
		require.NoError(t, g.take(b, 30))
	}
	require.ErrorIs(t, g.take(oldest, 50), errInFlight, "it cuts itself")
	require.False(t, second.cut)
	require.ErrorIs(t, g.take(oldest, 50), errInFlight, "it was cut before")
	require.False(t, second.cut)
	require.NoError(t, g.take(third, 50), "others still make room")
	require.True(t, second.cut)
}
