package sqlite_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// What a child of the test of a shared file is given: the file, and what it plays.
const (
	sharedFile = "SIGNALBOX_TEST_SHARED_FILE"
	sharedRole = "SIGNALBOX_TEST_SHARED_ROLE"
)

const (
	sharedCallers = 16
	// sharedBudget is how long a sender waits for its commit.
	sharedBudget = 30 * time.Second
	sharedLease  = 2 * time.Second
	// sharedWrites is how often the command line is run, sharedLimit how long its write may take.
	sharedWrites = 200
	sharedLimit  = 200 * time.Millisecond
	// sharedLane gets events with the same keys from every receiver.
	sharedLane = "shared"
)

// playSharedRole is the child. It prints reports, one per line.
func playSharedRole() bool {
	path := testenv.Variable(sharedFile)
	if path == "" {
		return false
	}
	switch role := testenv.Variable(sharedRole); role {
	case "receiver":
		receiveShared(path)
	case "command":
		commandShared(path)
	default:
		panic("unknown role " + role)
	}
	return true
}

// say prints a report. A line that a kill has cut does not end with a dot.
func say(words ...any) { fmt.Println(append(words, ".")...) }

// sayError leaves out that the store is busy, as it is on a slow disk.
func sayError(operation string, err error) {
	if err != nil && !errors.Is(err, inbox.ErrBusy) {
		say("error", strconv.Quote(operation+": "+err.Error()))
	}
}

// openShared opens the file. On a busy machine the others may hold it for longer than an open waits.
func openShared(ctx context.Context, path string) (*sqlite.Store, error) {
	for {
		s, err := sqlite.Open(ctx, path, sqlite.Options{})
		if !errors.Is(err, inbox.ErrBusy) {
			return s, err
		}
	}
}

// receiveShared appends with many callers and delivers what is pending. When its input ends it appends no more, and ends once nothing is
// pending.
func receiveShared(path string) {
	ctx := context.Background()
	s, err := openShared(ctx, path)
	if err != nil {
		sayError("open", err)
		return
	}
	inputEnded := make(chan struct{})
	go func() {
		defer close(inputEnded)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	var callers sync.WaitGroup
	for caller := range sharedCallers {
		callers.Go(func() { appendShared(s, caller, inputEnded) })
	}
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		callers.Wait()
	}()
	deliverShared(s, appended)
	sayError("close", s.Close())
}

func appendShared(s *sqlite.Store, caller int, stop <-chan struct{}) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	lane := fmt.Sprintf("%d-%d", os.Getpid(), caller)
	if caller == 0 {
		lane = sharedLane
	}
	for n := 1; ; n++ {
		d := inbox.Delivery{
			Provider: "offload", Lane: lane, Kind: "case.completed", DedupeKey: strconv.Itoa(n),
			Body: make([]byte, 800), ReceivedAt: time.Now(), State: inbox.StatePending,
		}
		ctx, cancel := context.WithTimeout(context.Background(), sharedBudget)
		receipts, err := s.Append(ctx, []inbox.Delivery{d})
		cancel()
		if err != nil {
			sayError("append", err)
		} else {
			say("stored", receipts[0].ID, lane, n, receipts[0].Outcome)
		}
		select {
		case <-stop:
			return
		case <-pace.C:
		}
	}
}

func deliverShared(s *sqlite.Store, appended <-chan struct{}) {
	ctx := context.Background()
	owner := inbox.NewID(time.Now())
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		asked := time.Now()
		lanes, err := s.Claim(ctx, inbox.ClaimRequest{Owner: owner, Now: asked, Lease: sharedLease, MaxLanes: 50, MaxPerLane: 20})
		sayError("claim", err)
		if len(lanes) == 0 {
			select {
			case <-appended:
				counts, err := s.Counts(ctx, inbox.StatePending)
				sayError("count", err)
				if err == nil && counts[inbox.StatePending] == 0 {
					return
				}
			default:
			}
			select {
			case <-again.C:
			case <-s.Wake():
			}
			continue
		}
		answered := time.Now()
		settle := inbox.SettleRequest{Now: answered, Claims: inboxtest.Claims(lanes)}
		for _, lane := range lanes {
			for _, d := range lane.Deliveries {
				say("handed", d.ID, lane.Name, d.DedupeKey, asked.UnixMicro(), answered.UnixMicro())
				settle.Settlements = append(settle.Settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			}
		}
		if err := s.Settle(ctx, settle); err != nil {
			sayError("settle", err)
			continue
		}
		settled := time.Now().UnixMicro()
		for _, one := range settle.Settlements {
			say("settled", one.ID, settled)
		}
	}
}

// commandShared does what the command line does, again and again: open, write, list, close.
func commandShared(path string) {
	ctx := context.Background()
	for n := range sharedWrites {
		began := time.Now()
		s, err := openShared(ctx, path)
		opened := time.Since(began)
		if err != nil {
			sayError("open for a command", err)
			return
		}
		page, err := s.List(ctx, inbox.Filter{States: []inbox.State{inbox.StateDelivered}, Lane: sharedLane, Limit: 1})
		sayError("list", err)
		replayed := n%2 == 1 && len(page.Deliveries) == 1
		if replayed {
			say("replayed", page.Deliveries[0].ID)
		}
		var took time.Duration
		for err = inbox.ErrBusy; errors.Is(err, inbox.ErrBusy); took = time.Since(began) {
			began = time.Now()
			if replayed {
				err = s.Replay(ctx, page.Deliveries[0].ID, began)
			} else {
				err = s.Audit(ctx, inbox.AuditEntry{At: began, Who: "a person", Action: "replay"})
			}
		}
		sayError("write of a command", err)
		sayError("close", s.Close())
		say("wrote", took.Microseconds(), opened.Microseconds())
	}
}

// reports are what all children of a test have printed.
type reports struct {
	mu sync.Mutex
	// stored are the acknowledged IDs; isNew says how often an event, by lane and key, was stored as new.
	stored map[string]bool
	isNew  map[string]int
	handed []handedOut
	// settledAt is when the settlement of a delivery had been confirmed.
	settledAt map[string]int64
	replayed  map[string]bool
	// wrote and opened are how long a command waited for its write, and before it for the file.
	wrote, opened []time.Duration
	errors        []string
}

// handedOut is one delivery in the answer of a claim. The claim was asked for and answered at times in microseconds.
type handedOut struct {
	id, lane        string
	key             int
	asked, answered int64
}

func (r *reports) read(line string) {
	text, whole := strings.CutSuffix(line, " .")
	if !whole {
		return
	}
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			r.errors = append(r.errors, line)
		}
		return n
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	words := strings.Fields(text)
	switch words[0] {
	case "stored":
		r.stored[words[1]] = true
		if words[4] == string(inbox.OutcomeNew) {
			r.isNew[words[2]+" "+words[3]]++
		}
	case "handed":
		r.handed = append(r.handed, handedOut{id: words[1], lane: words[2], key: int(number(words[3])), asked: number(words[4]), answered: number(words[5])})
	case "settled":
		r.settledAt[words[1]] = number(words[2])
	case "replayed":
		r.replayed[words[1]] = true
	case "wrote":
		r.wrote = append(r.wrote, time.Duration(number(words[1]))*time.Microsecond)
		r.opened = append(r.opened, time.Duration(number(words[2]))*time.Microsecond)
	default:
		r.errors = append(r.errors, line)
	}
}

// sharer is a child.
type sharer struct {
	process *exec.Cmd
	input   io.Closer
	// written receives after each write of a command, and is closed when the child has ended its output.
	written chan struct{}
}

func startSharer(t *testing.T, path, role string, into *reports) *sharer {
	t.Helper()
	process := testenv.Child(t, sharedFile+"="+path, sharedRole+"="+role)
	input, err := process.StdinPipe()
	require.NoError(t, err)
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	child := &sharer{process: process, input: input, written: make(chan struct{}, sharedWrites)}
	go func() {
		defer close(child.written)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			into.read(lines.Text())
			if strings.HasPrefix(lines.Text(), "wrote") {
				child.written <- struct{}{}
			}
		}
	}()
	// After a test that failed: a killed child can't be killed again, which is no error here.
	t.Cleanup(func() { _ = process.Process.Kill() })
	return child
}

// drain waits for the end of its output.
func (c *sharer) drain() {
	for range c.written {
	}
}

func (c *sharer) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.process.Process.Kill())
	c.drain()
	require.Error(t, c.process.Wait(), "killed")
}

func (c *sharer) end(t *testing.T) {
	t.Helper()
	require.NoError(t, c.input.Close())
	c.drain()
	require.NoError(t, c.process.Wait())
}

func TestProcessesThatShareAFileLoseNothingAndKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	got := &reports{stored: map[string]bool{}, isNew: map[string]int{}, settledAt: map[string]int64{}, replayed: map[string]bool{}}
	receivers := []*sharer{startSharer(t, path, "receiver", got), startSharer(t, path, "receiver", got)}
	command := startSharer(t, path, "command", got)

	// Which receivers are killed, after how many writes of the command line.
	kills, killed := map[int][]int{30: {0}, 60: {1}, 90: {0, 1}, 120: {0}, 150: {1}}, 0
	writes := 0
	for range command.written {
		writes++
		for _, i := range kills[writes] {
			receivers[i].kill(t)
			killed++
		}
		for _, i := range kills[writes] {
			receivers[i] = startSharer(t, path, "receiver", got)
		}
	}
	command.end(t)
	for _, receiver := range receivers {
		require.NoError(t, receiver.input.Close())
	}
	for _, receiver := range receivers {
		receiver.drain()
		require.NoError(t, receiver.process.Wait())
	}

	require.Empty(t, got.errors)
	require.Equal(t, sharedWrites, writes)
	require.Equal(t, 6, killed)
	requireDelivered(t, path, got)
	requireInOrder(t, got)
	requireNotHeldTwice(t, got)
	for event, times := range got.isNew {
		require.Equal(t, 1, times, "%s was new more than once", event)
	}

	t.Logf("%d events acknowledged, %d replays", len(got.stored), len(got.replayed))
	for what, times := range map[string][]time.Duration{"write": got.wrote, "open": got.opened} {
		slices.Sort(times)
		median, p99, longest := times[len(times)/2], times[len(times)*99/100], times[len(times)-1]
		t.Logf("the command line: %s: %d times, median %s, 99th percentile %s, longest %s", what, len(times), median, p99, longest)
		if os.Getenv("SIGNALBOX_TEST_TIMES") != "" { //nolint:forbidigo // times count only where it is set
			require.Less(t, p99, sharedLimit, what)
		}
	}
}

// requireDelivered looks for everything acknowledged in the file, and for everything in the file among what was handed out.
func requireDelivered(t *testing.T, path string, got *reports) {
	t.Helper()
	s := open(t, path)
	handed := map[string]bool{}
	for _, one := range got.handed {
		handed[one.id] = true
	}
	stored := map[string]bool{}
	for f := (inbox.Filter{Limit: inbox.MaxPage}); ; {
		page, err := s.List(t.Context(), f)
		require.NoError(t, err)
		for _, d := range page.Deliveries {
			stored[d.ID] = true
			require.Equal(t, inbox.StateDelivered, d.State, d.ID)
			require.True(t, handed[d.ID], "%s is delivered, and was not handed out", d.ID)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for id := range got.stored {
		require.True(t, stored[id], "acknowledged %s is gone", id)
	}
}

// requireInOrder finds deliveries of which an earlier one in the lane was first handed out later. Claims of two processes may overlap in time:
// then it is unknown which was first.
func requireInOrder(t *testing.T, got *reports) {
	t.Helper()
	slices.SortStableFunc(got.handed, func(a, b handedOut) int { return cmp.Compare(a.asked, b.asked) })
	seen, lanes := map[string]bool{}, map[string][]handedOut{}
	for _, one := range got.handed {
		if one.lane != sharedLane && !seen[one.id] {
			seen[one.id] = true
			lanes[one.lane] = append(lanes[one.lane], one)
		}
	}
	for lane, handed := range lanes {
		slices.SortFunc(handed, func(a, b handedOut) int { return cmp.Compare(b.key, a.key) })
		first := int64(math.MaxInt64)
		for _, one := range handed { // from the last key to the first
			require.LessOrEqual(t, one.asked, first, "lane %s: event %d was handed out after a later one", lane, one.key)
			first = min(first, one.answered)
		}
	}
}

// requireNotHeldTwice finds deliveries that were handed out during another's lease, or again after they were settled.
func requireNotHeldTwice(t *testing.T, got *reports) {
	t.Helper()
	leased := map[string]int64{}
	for _, one := range got.handed {
		if got.replayed[one.id] {
			continue
		}
		if settled := got.settledAt[one.id]; settled != 0 {
			require.LessOrEqual(t, one.asked, settled, "%s was handed out after its settlement", one.id)
		}
		require.GreaterOrEqual(t, one.asked, leased[one.id], "%s was handed out during a lease", one.id)
		leased[one.id] = one.asked + sharedLease.Microseconds()
	}
}
