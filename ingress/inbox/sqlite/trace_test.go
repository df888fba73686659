package sqlite_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// systemCall is one system call in a trace.
type systemCall struct {
	name string
	// file is what the first argument refers to: a path, or a socket.
	file string
	// data is the first string among the arguments.
	data   []byte
	result string
	// began and ended are the lines of the trace on which it did. The tracer lets no thread go on before it has written the line, so what
	// ends above the line on which another call begins has happened before it.
	began, ended int
}

var (
	wholeCall    = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (.*)$`)
	resumedCall  = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	callsFile    = regexp.MustCompile(`^(?:\d+|AT_FDCWD)<([^>]*)>`)
	firstText    = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?`)
	escapedBytes = strings.NewReplacer(`\x`, "")
)

const unfinished = " <unfinished ...>"

// readTrace reads what strace -f -y -xx has written. It refuses a trace whose data was cut short.
func readTrace(r io.Reader) ([]systemCall, error) {
	var calls []systemCall
	// begun are the calls that wait for their end, by thread.
	begun := map[string]systemCall{}
	texts := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for n := 1; lines.Scan(); n++ {
		thread, text, _ := strings.Cut(lines.Text(), " ")
		text = strings.TrimSpace(text)
		if start, ok := strings.CutSuffix(text, unfinished); ok {
			begun[thread], texts[thread] = systemCall{began: n}, start
			continue
		}
		call := systemCall{began: n, ended: n}
		if rest := resumedCall.FindStringSubmatch(text); rest != nil {
			call.began, text = begun[thread].began, texts[thread]+rest[1]
		}
		parts := wholeCall.FindStringSubmatch(text)
		if parts == nil {
			continue // a signal, or the end of a thread
		}
		call.name, call.result = parts[1], parts[3]
		if file := callsFile.FindStringSubmatch(parts[2]); file != nil {
			call.file = string(unescape(file[1]))
		}
		if data := firstText.FindStringSubmatch(parts[2]); data != nil {
			if data[2] != "" {
				return nil, fmt.Errorf("line %d: the data is cut short", n)
			}
			call.data = unescape(data[1])
		}
		calls = append(calls, call)
	}
	return calls, lines.Err()
}

func unescape(text string) []byte {
	plain, err := hex.DecodeString(escapedBytes.Replace(text))
	if err != nil {
		return []byte(text)
	}
	return plain
}

// frame is one page in the write-ahead log: its header, then its content, each written by a separate call.
type frame struct {
	page systemCall
	// commits says that a transaction ends with this frame: the header tells how large the file then is
	// (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
	commits bool
}

// Sizes in SQLite's format of the log.
const logHeader, frameHeader = 32, 24

func framesOf(calls []systemCall, wal string) []frame {
	var frames []frame
	commits := false
	for _, c := range calls {
		if c.name != "pwrite64" || c.file != wal {
			continue
		}
		switch len(c.data) {
		case logHeader:
		case frameHeader:
			commits = binary.BigEndian.Uint32(c.data[4:8]) != 0
		default:
			frames = append(frames, frame{page: c, commits: commits})
		}
	}
	return frames
}

func isSync(c systemCall) bool {
	// A result that a tracer made up is followed by a remark.
	return (c.name == "fsync" || c.name == "fdatasync") && c.result == "0"
}

func syncsOf(calls []systemCall, wal string) []systemCall {
	return slices.DeleteFunc(slices.Clone(calls), func(c systemCall) bool { return !isSync(c) || c.file != wal })
}

// printed finds the write of a line to the standard output.
func printed(calls []systemCall, line string) *systemCall {
	at := slices.IndexFunc(calls, func(c systemCall) bool { return c.name == "write" && string(c.data) == line+"\n" })
	if at < 0 {
		return nil
	}
	return &calls[at]
}

// tooEarly says for each event, by its reference, why its acknowledgement came before the event was safe. The references must be such that
// they occur nowhere else.
func tooEarly(calls []systemCall, wal string, references []string) map[string]string {
	frames, syncs := framesOf(calls, wal), syncsOf(calls, wal)
	early := map[string]string{}
	for _, reference := range references {
		asked, answered := exchange(calls, reference)
		if why := beforeItWasSafe(frames, syncs, reference, asked, answered); why != "" {
			early[reference] = why
		}
	}
	return early
}

// exchange finds the request that brought the event, and its answer on the same connection; nil where there is none.
func exchange(calls []systemCall, reference string) (asked, answered *systemCall) {
	path := []byte("/webhooks/offload/" + reference + "/")
	for i, c := range calls {
		switch {
		case asked == nil && c.name == "read" && bytes.Contains(c.data, path):
			asked = &calls[i]
		case asked != nil && c.name == "write" && c.file == asked.file && bytes.HasPrefix(c.data, []byte("HTTP/1.1 204 ")):
			return asked, &calls[i]
		}
	}
	return asked, nil
}

// beforeItWasSafe holds the answer against the writes: first the event's row, then the end of its transaction, then a sync of all that.
func beforeItWasSafe(frames []frame, syncs []systemCall, reference string, asked, answered *systemCall) string {
	if asked == nil || answered == nil {
		return "it was not acknowledged"
	}
	row := slices.IndexFunc(frames, func(f frame) bool {
		return f.page.began > asked.ended && bytes.Contains(f.page.data, []byte(reference))
	})
	if row < 0 {
		return "it was not written"
	}
	end := row
	for end < len(frames) && !frames[end].commits {
		end++
	}
	if end == len(frames) {
		return "its transaction was not ended"
	}
	for _, s := range syncs {
		if s.began > frames[end].page.ended {
			if s.ended >= answered.began {
				return fmt.Sprintf("the answer (line %d) came before the sync (line %d)", answered.began, s.ended)
			}
			return ""
		}
	}
	return "it was not synced"
}

// namesSynced says whether the folder was synced after the log was made in it and before anything was acknowledged: without its name the log
// is lost.
func namesSynced(calls []systemCall, wal string) bool {
	made := false
	for _, c := range calls {
		switch {
		case strings.HasPrefix(c.name, "open") && string(c.data) == wal && !strings.HasPrefix(c.result, "-1"):
			made = true
		case made && isSync(c) && c.file == filepath.Dir(wal):
			return true
		case c.name == "write" && bytes.HasPrefix(c.data, []byte("HTTP/1.1 204 ")):
			return false
		}
	}
	return false
}
