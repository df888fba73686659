package operator_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "whsec_1"

var arrived = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// fixture is an inbox with a desk, asked directly and over a socket.
type fixture struct {
	store *sqlite.Store
	keys  *keyring.Ring
	desk  *operator.Desk
	logs  *observer.ObservedLogs
	path  string
	// registry has the desk's metrics.
	registry *prometheus.Registry
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	// A socket's path must be short, and a test's own folder has the test's name in it.
	folder, err := os.MkdirTemp("", "op")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	f := &fixture{path: filepath.Join(folder, "i.db")}
	f.store, err = sqlite.Open(t.Context(), f.path, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.store.Close()) })
	f.keys, err = keyring.Generate()
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	f.logs, f.registry = logs, prometheus.NewRegistry()
	f.desk = operator.NewDesk(operator.Parts{
		Inbox: f.store, Keys: f.keys, Agents: map[string][]string{"w9": {secret}}, Log: zap.New(core),
		Now: func() time.Time { return arrived.Add(time.Hour) }, Metrics: f.registry,
	})
	return f
}

// serve offers the desk on its socket until the test ends.
func (f *fixture) serve(t *testing.T) *operator.Client {
	t.Helper()
	path := operator.SocketPath(f.path)
	listener, err := operator.Listen(t.Context(), path)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- f.desk.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
		require.NoFileExists(t, path, "the socket goes with the process")
	})
	client := operator.Dial(t.Context(), path)
	require.NotNil(t, client)
	return client
}

// add stores a delivery with a sealed body and returns its ID.
func (f *fixture) add(t *testing.T, d inbox.Delivery, body []byte) string {
	t.Helper()
	id, err := inbox.NewID()
	require.NoError(t, err)
	d.ID, d.ReceivedAt = id, arrived
	d.Body, err = f.keys.Seal(body, hook.BodyContext(d.Provider, d.Lane, id)...)
	require.NoError(t, err)
	_, err = f.store.Append(t.Context(), []inbox.Delivery{d})
	require.NoError(t, err)
	return id
}

func (f *fixture) settle(t *testing.T, state inbox.State, ids ...string) {
	t.Helper()
	request := inbox.SettleRequest{Owner: "test", Now: arrived}
	for _, id := range ids {
		request.Settlements = append(request.Settlements, inbox.Finish(id, state, "as the test says"))
	}
	require.NoError(t, f.store.Settle(t.Context(), request))
}

func offloadEvent(lane string) inbox.Delivery {
	return inbox.Delivery{Provider: offload.Name, Lane: lane, Kind: "case.completed", State: inbox.StatePending}
}

// both runs a test on the desk itself and through the socket: nobody may notice a difference.
func both(t *testing.T, run func(t *testing.T, f *fixture, desk operator.Operations)) {
	t.Helper()
	t.Run("directly", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		run(t, f, f.desk)
	})
	t.Run("over the socket", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		run(t, f, f.serve(t))
	})
}

func TestAListIsFilteredAndGoesOnAtItsCursor(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		first, second := f.add(t, offloadEvent("a"), []byte(`{}`)), f.add(t, offloadEvent("a"), []byte(`{}`))
		third := f.add(t, offloadEvent("b"), []byte(`{}`))
		f.settle(t, inbox.StateDelivered, first)

		page, err := desk.List(t.Context(), inbox.Filter{Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []string{third, second}, ids(page))
		page, err = desk.List(t.Context(), inbox.Filter{Limit: 2, Cursor: page.Next})
		require.NoError(t, err)
		require.Equal(t, []string{first}, ids(page))
		require.Empty(t, page.Next)
		require.Equal(t, operator.Delivery{
			ID: first, State: inbox.StateDelivered, Reason: "as the test says", Provider: "offload", Kind: "case.completed", Lane: "a",
			ReceivedAt: arrived, DueAt: arrived, SettledAt: arrived,
		}, page.Deliveries[0])

		for name, c := range map[string]struct {
			filter inbox.Filter
			want   []string
		}{
			"state":     {inbox.Filter{States: []inbox.State{inbox.StateDelivered}}, []string{first}},
			"lane":      {inbox.Filter{Lane: "b"}, []string{third}},
			"provider":  {inbox.Filter{Provider: "artmail"}, []string{}},
			"too early": {inbox.Filter{Until: arrived}, []string{}},
			"since":     {inbox.Filter{Since: arrived, Lane: "a"}, []string{second, first}},
		} {
			page, err := desk.List(t.Context(), c.filter)
			require.NoError(t, err, name)
			require.Equal(t, c.want, ids(page), name)
		}
	})
}

func ids(list operator.List) []string {
	all := []string{}
	for _, d := range list.Deliveries {
		all = append(all, d.ID)
	}
	return all
}

func TestWhatIsSecretIsShownOnlyWhenAskedForAndThatIsLogged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		body := []byte(`{"event":"agent.activated","apiKey":"art_key_1","user":{"id":"u1","email":"pat@example.com"},"activationId":"a1"}`)
		id := f.add(t, inbox.Delivery{Provider: artmail.Name, Scope: "w9", Lane: "artmail-activation/w9/a1", Kind: "agent.activated", State: inbox.StatePending}, body)

		shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: id})
		require.NoError(t, err)
		require.True(t, shown.Redacted)
		require.JSONEq(t, `{"event":"agent.activated","apiKey":"[redacted]","user":"[redacted]","activationId":"a1"}`, string(shown.Body))
		require.Zero(t, f.logs.Len())

		shown, err = desk.Show(t.Context(), operator.ShowRequest{ID: id, Reveal: true})
		require.NoError(t, err)
		require.False(t, shown.Redacted)
		require.JSONEq(t, string(body), string(shown.Body))
		entries := f.logs.TakeAll()
		require.Len(t, entries, 1)
		require.Equal(t, id, entries[0].ContextMap()["delivery"])
		require.NotEmpty(t, entries[0].ContextMap()["by"])
		require.NotContains(t, entries[0].ContextMap(), "body")
	})
}

func TestABodyWithAByteOrderMarkIsShownRedacted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		id := f.add(t, offloadEvent("offload-case/order-1"), []byte("\xef\xbb\xbf"+`{"apiKey":"art_key_1"}`))
		shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: id})
		require.NoError(t, err)
		require.JSONEq(t, `{"apiKey":"[redacted]"}`, string(shown.Body))
	})
}

func TestABodyThatCantBeReadIsNotShownUnredacted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		dead := offloadEvent("")
		dead.State = inbox.StateDead
		for name, body := range map[string]string{
			"not JSON":          `apiKey=art_key_1`,
			"two documents":     `{"a":1}{"apiKey":"art_key_1"}`,
			"cut":               `{"apiKey":"art_key_1"`,
			"not even text":     "\xff\xfe art_key_1",
			"followed by words": `{} apiKey: art_key_1`,
		} {
			id := f.add(t, dead, []byte(body))
			shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: id})
			require.NoError(t, err, name)
			require.Empty(t, shown.Body, name)
			require.Empty(t, shown.Raw, name)
			require.Contains(t, shown.Withheld, "not JSON", name)

			shown, err = desk.Show(t.Context(), operator.ShowRequest{ID: id, Reveal: true})
			require.NoError(t, err, name)
			require.Equal(t, []byte(body), shown.Raw, name)
		}
	})
}

func TestABodyThatCantBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.add(t, offloadEvent("a"), []byte(`{}`))
	f.settle(t, inbox.StateDelivered, id)
	other, err := keyring.Generate()
	require.NoError(t, err)
	withheld := func(keys *keyring.Ring) string {
		desk := operator.NewDesk(operator.Parts{Inbox: f.store, Keys: keys, Log: zap.NewNop(), Now: time.Now})
		shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: id, Reveal: true})
		require.NoError(t, err)
		require.Empty(t, shown.Body)
		return shown.Withheld
	}
	require.Contains(t, withheld(nil), "no keyring")
	require.Contains(t, withheld(other), "does not open")
	_, err = f.store.Purge(t.Context(), inbox.PurgeRequest{BodiesBefore: arrived.Add(time.Second)})
	require.NoError(t, err)
	require.Contains(t, withheld(f.keys), "retention")
}

func TestAReplayCountsWhatItHandedOutAndWhatItCouldNot(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		unmatched := []string{f.add(t, offloadEvent("a"), []byte(`{}`)), f.add(t, offloadEvent("a"), []byte(`{}`)), f.add(t, offloadEvent("b"), []byte(`{}`))}
		delivered := f.add(t, offloadEvent("a"), []byte(`{}`))
		dead := offloadEvent("")
		dead.State = inbox.StateDead
		laneless := f.add(t, dead, []byte(`{`))
		f.settle(t, inbox.StateUnmatched, unmatched...)
		f.settle(t, inbox.StateDelivered, delivered)

		done, err := desk.Replay(t.Context(), operator.ReplayRequest{Filter: inbox.Filter{Lane: "a"}})
		require.NoError(t, err)
		require.Equal(t, operator.Replayed{Replayed: 2}, done, "what was delivered is not replayed unless asked for")
		done, err = desk.Replay(t.Context(), operator.ReplayRequest{})
		require.NoError(t, err)
		require.Equal(t, operator.Replayed{Replayed: 1, Skipped: 1}, done)
		done, err = desk.Replay(t.Context(), operator.ReplayRequest{ID: delivered})
		require.NoError(t, err)
		require.Equal(t, operator.Replayed{Replayed: 1}, done)

		counts, err := desk.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(4), counts.States[inbox.StatePending])
		require.Equal(t, arrived, counts.OldestPending)
		lanes, err := f.store.Claim(t.Context(), inbox.ClaimRequest{Owner: "test", Now: arrived.Add(2 * time.Hour), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
		require.NoError(t, err)
		handedOut := 0
		for _, lane := range lanes {
			handedOut += len(lane.Deliveries)
		}
		require.Equal(t, 4, handedOut)

		_, err = desk.Replay(t.Context(), operator.ReplayRequest{ID: laneless})
		require.ErrorIs(t, err, inbox.ErrNotReplayable)
		for _, entry := range f.logs.All() {
			require.NotEmpty(t, entry.ContextMap()["by"])
		}
		require.Equal(t, 3, f.logs.Len(), "one line for each replay that was carried out")
	})
}

func TestAReplayOfMoreThanAPageLeavesNothingOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	n := inbox.MaxPage + 7
	all := make([]string, n)
	deliveries := make([]inbox.Delivery, n)
	for i := range deliveries {
		id, err := inbox.NewID()
		require.NoError(t, err)
		d := offloadEvent("a")
		d.ID, d.Body, d.ReceivedAt = id, []byte("sealed"), arrived
		all[i], deliveries[i] = id, d
	}
	_, err := f.store.Append(t.Context(), deliveries)
	require.NoError(t, err)
	f.settle(t, inbox.StateLate, all...)
	done, err := f.desk.Replay(t.Context(), operator.ReplayRequest{})
	require.NoError(t, err)
	require.Equal(t, operator.Replayed{Replayed: n}, done)
}

func TestAReleaseLetsInWhatASecretVerifies(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		body := []byte(`{"event":"agent.paused","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`)
		quarantined := inbox.Delivery{Provider: artmail.Name, Scope: "w9", Kind: "unverified", State: inbox.StateQuarantined}
		good := f.add(t, quarantined, hook.Pack([]string{artmail.Sign(body, secret)}, "", body))
		f.add(t, quarantined, hook.Pack([]string{artmail.Sign(body, "guess")}, "", body))

		shown, err := desk.Show(t.Context(), operator.ShowRequest{ID: good})
		require.NoError(t, err)
		require.Contains(t, string(shown.Body), "agent.paused", "the signature that was kept with it is not part of it")
		require.NotContains(t, string(shown.Body), "art_key_1")

		_, err = desk.Release(t.Context(), operator.ReleaseRequest{Agent: "nobody"})
		require.ErrorIs(t, err, inbox.ErrInvalid)
		done, err := desk.Release(t.Context(), operator.ReleaseRequest{Agent: "w9"})
		require.NoError(t, err)
		require.Equal(t, ingress.Released{Accepted: 1, Refused: 1}, done)
		done, err = desk.Release(t.Context(), operator.ReleaseRequest{})
		require.NoError(t, err)
		require.Equal(t, ingress.Released{Refused: 1}, done)

		shown, err = desk.Show(t.Context(), operator.ShowRequest{ID: good})
		require.NoError(t, err)
		require.Equal(t, inbox.StateIgnored, shown.State)
		require.Contains(t, string(shown.Body), "agent.paused", "also once it was released")

		said := f.logs.FilterMessage("released the quarantine").All()
		require.Len(t, said, 2)
		require.Equal(t, zap.WarnLevel, said[0].Level, "it is told loudly")
		require.Equal(t, int64(1), said[0].ContextMap()["accepted"])
		require.NotEmpty(t, said[0].ContextMap()["by"])
		require.Equal(t, map[string]float64{"accepted": 1, "duplicate": 0, "refused": 2, "unreadable": 0}, f.released(t))
	})
}

// released is what the metric counts by outcome.
func (f *fixture) released(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := f.registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	require.Equal(t, "signalbox_artmail_released_total", families[0].GetName())
	counts := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	return counts
}

func TestAPurgeGoesByAge(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, desk operator.Operations) {
		gone, pending := f.add(t, offloadEvent("a"), []byte(`{}`)), f.add(t, offloadEvent("b"), []byte(`{}`))
		f.settle(t, inbox.StateDelivered, gone)
		for _, wrong := range []operator.PurgeRequest{{}, {Bodies: -time.Hour}, {Rows: -1}} {
			_, err := desk.Purge(t.Context(), wrong)
			require.ErrorIs(t, err, inbox.ErrInvalid)
		}
		for _, c := range []struct {
			request operator.PurgeRequest
			want    inbox.Purged
		}{
			{operator.PurgeRequest{Bodies: 2 * time.Hour, Rows: 2 * time.Hour}, inbox.Purged{}},
			{operator.PurgeRequest{Bodies: time.Minute}, inbox.Purged{Bodies: 1}},
			{operator.PurgeRequest{Rows: time.Minute}, inbox.Purged{Rows: 1}},
		} {
			got, err := desk.Purge(t.Context(), c.request)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		}
		_, err := desk.Show(t.Context(), operator.ShowRequest{ID: pending})
		require.NoError(t, err)
	})
}

func TestErrorsAreTheSameOnBothSidesOfTheSocket(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, _ *fixture, desk operator.Operations) {
		_, err := desk.Show(t.Context(), operator.ShowRequest{ID: "none"})
		require.ErrorIs(t, err, inbox.ErrNotFound)
		_, err = desk.Replay(t.Context(), operator.ReplayRequest{ID: "none"})
		require.ErrorIs(t, err, inbox.ErrNotFound)
		_, err = desk.List(t.Context(), inbox.Filter{States: []inbox.State{"lost"}})
		require.ErrorIs(t, err, inbox.ErrInvalid)
		require.ErrorContains(t, err, "lost")
		_, err = desk.List(t.Context(), inbox.Filter{Cursor: "?"})
		require.ErrorIs(t, err, inbox.ErrInvalid)
	})
	f := newFixture(t)
	client := f.serve(t)
	require.NoError(t, f.store.Close())
	_, err := client.Counts(t.Context())
	require.ErrorIs(t, err, inbox.ErrClosed)
}

func TestTheLogSaysWhichUserAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.add(t, offloadEvent("a"), []byte(`{}`))
	_, err := f.serve(t).Replay(t.Context(), operator.ReplayRequest{ID: id})
	require.NoError(t, err)
	require.Equal(t, operator.ThisUser(), f.logs.All()[0].ContextMap()["by"])
}

func TestOnlyTheOwnerMayOpenTheSocket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	info, err := os.Stat(operator.SocketPath(f.path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestASocketIsReplacedOnlyWhereNobodyListens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := operator.SocketPath(f.path)
	require.Nil(t, operator.Dial(t.Context(), path), "nobody is there yet")

	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)
	_, err = operator.Listen(t.Context(), path)
	require.ErrorIs(t, err, operator.ErrTaken)
	require.NoError(t, left.Close())
	require.FileExists(t, path, "as a crash leaves it")
	require.Nil(t, operator.Dial(t.Context(), path))
	again, err := operator.Listen(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, again.Close())

	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = operator.Listen(t.Context(), path)
	require.ErrorContains(t, err, "no socket")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal([]byte("mine"), kept))
}
