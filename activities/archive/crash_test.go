package archive

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// crashingChild is the first argument of the process that is killed.
const crashingChild = "store-until-killed"

// storeUntilKilled stores the attachment and then waits for the end.
func storeUntilKilled(link, folder, scratch string) {
	bucket, err := OpenBucket(context.Background(), "file://"+folder)
	if err != nil {
		panic(err)
	}
	activities, err := New(Config{
		Bucket: bucket, Provider: &provider{url: link}, AllowPrivate: true, AllowPlainHTTP: true, Folder: scratch, Now: func() time.Time { return testNow },
	})
	if err != nil {
		panic(err)
	}
	if _, err := environment(activities).ExecuteActivity(workflows.ActivityArchiveStoreAttachment, attachmentParams); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("stored\n")
	select {}
}

func TestAKilledWorkerLeavesNoPartAndNoSecondCopy(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("a W-9 form", 1<<20)
	for name, c := range map[string]struct {
		// sent is how many bytes the worker gets before it is killed; -1: all, and it is killed after it has stored the file.
		sent int
		// fetches is how often the next worker fetches the file.
		fetches int64
	}{
		"while it fetched":       {len(content) / 2, 1},
		"before its first byte":  {0, 1},
		"after it had stored it": {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, scratch := t.TempDir(), t.TempDir()
			reached := make(chan struct{})
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/octet-stream")
				if r.URL.Path != "/killed" || c.sent < 0 {
					_, _ = io.WriteString(rw, content)
					return
				}
				_, _ = io.WriteString(rw, content[:c.sent])
				_ = http.NewResponseController(rw).Flush()
				close(reached)
				<-r.Context().Done()
			}, func(cfg *Config) { cfg.Bucket, cfg.Folder = openFolder(t, folder, ""), scratch })

			child := exec.Command(os.Args[0], crashingChild, w.cdn.URL+"/killed", filepath.ToSlash(folder), scratch)
			child.Stderr = os.Stderr
			testenv.KillWithParent(child)
			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			if c.sent < 0 {
				line := make([]byte, len("stored\n"))
				_, err := io.ReadFull(out, line)
				require.NoError(t, err)
			} else {
				<-reached
			}
			require.NoError(t, child.Process.Kill())
			require.Error(t, child.Wait())
			before := w.served.Load()
			if c.sent >= 0 {
				require.Empty(t, keys(t, w.bucket.objects), "nothing of an unfinished file is visible")
			}

			stored, err := storeAttachment(t, w)
			require.NoError(t, err)
			require.Equal(t, sha(content), stored.SHA256)
			require.Equal(t, c.fetches, w.served.Load()-before)
			require.Equal(t, []string{attachmentObject}, keys(t, w.bucket.objects))
		})
	}
}
