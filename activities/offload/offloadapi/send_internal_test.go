package offloadapi

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// gated counts its readers and lets them go on when the gate is closed.
type gated struct {
	readers *atomic.Int64
	gate    chan struct{}
}

func (g gated) Read([]byte) (int, error) {
	g.readers.Add(1)
	<-g.gate
	return 0, io.EOF
}

func TestFewLargeBodiesAreInMemoryAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, err := New(Config{BaseURL: "https://offload.example.com", APIKey: "key", Now: time.Now})
		require.NoError(t, err)
		readers, gate, decoded := new(atomic.Int64), make(chan struct{}), make(chan struct{})
		large := bytes.Repeat([]byte("x"), smallResponseBytes+1)
		for range 20 {
			go func() {
				raw, done, err := client.readBody(t.Context(), client.reads, io.MultiReader(bytes.NewReader(large), gated{readers, gate}))
				<-decoded
				done()
				if err != nil || !bytes.Equal(large, raw) {
					t.Errorf("%d bytes: %v", len(raw), err)
				}
			}()
		}
		synctest.Wait()
		require.EqualValues(t, largeAtOnce, readers.Load())
		close(gate)
		synctest.Wait()
		require.EqualValues(t, largeAtOnce, readers.Load(), "the read bodies are not decoded yet")
		small, done, err := client.readBody(t.Context(), client.reads, bytes.NewReader(large[:smallResponseBytes]))
		require.NoError(t, err)
		require.Len(t, small, smallResponseBytes, "a small one does not wait")
		done()
		close(decoded)
		synctest.Wait()
		require.EqualValues(t, 20, readers.Load())
	})
}
