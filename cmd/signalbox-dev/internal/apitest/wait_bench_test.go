package apitest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkWaiters lets many callers wait for one case, over the API and over the Go client, and then ends the case: all must hear of it, and no
// goroutine may be left. The number of waiters is the count of the benchmark:
//
//	go test ./cmd/signalbox-dev/internal/apitest -run '^$' -bench Waiters -benchtime 1000x -timeout 20m
func BenchmarkWaiters(b *testing.B) {
	transport := &http.Transport{MaxIdleConnsPerHost: b.N}
	patient := &http.Client{Timeout: 2 * time.Minute, Transport: transport}
	for name, wait := range map[string]func(reference string) error{
		"api": func(reference string) error {
			for {
				request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, shared.InternalURL()+"/v1/cases/"+reference+"?wait=60s", nil)
				if err != nil {
					return err
				}
				response, err := patient.Do(request)
				if err != nil {
					return err
				}
				body, err := io.ReadAll(response.Body)
				if err := errors.Join(err, response.Body.Close()); err != nil {
					return err
				}
				if response.StatusCode != http.StatusOK {
					return fmt.Errorf("%d: %s", response.StatusCode, body)
				}
				if bytes.Contains(body, []byte(`"outcome"`)) {
					return nil
				}
			}
		},
		"go": func(reference string) error {
			_, err := shared.Apps.Case(reference).Wait(b.Context())
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			if b.N == 1 {
				return // the benchmark's own trial
			}
			reference := fmt.Sprintf("waited-%s-%d", name, benched.Add(1))
			response, answer := send(b, http.MethodPost, "/v1/cases", start(reference, "silent"))
			require.Equal(b, http.StatusCreated, response.StatusCode, "%s", answer)
			var heard []time.Time
			var lock sync.Mutex
			var all sync.WaitGroup
			for range b.N {
				all.Go(func() {
					err := wait(reference)
					lock.Lock()
					defer lock.Unlock()
					if err != nil {
						b.Error(err)
					}
					heard = append(heard, time.Now())
				})
			}
			require.Eventually(b, func() bool { return waiters(b) >= b.N }, 5*time.Minute, time.Second)
			b.ReportMetric(float64(waiters(b))/float64(b.N), "goroutines/waiter")
			ends := time.Now()
			response, answer = send(b, http.MethodPost, "/v1/cases/"+reference+"/cancel", "")
			require.Equal(b, http.StatusOK, response.StatusCode, "%s", answer)
			all.Wait()
			slices.SortFunc(heard, time.Time.Compare)
			b.ReportMetric(float64(heard[len(heard)/2].Sub(ends).Milliseconds()), "ms-median")
			b.ReportMetric(float64(heard[len(heard)-1].Sub(ends).Milliseconds()), "ms-last")
			transport.CloseIdleConnections()
			require.Eventually(b, func() bool { return waiters(b) == 0 }, time.Minute, time.Second, "goroutines are left")
		})
	}
}

// waiters counts the goroutines of the API and of the Go client that wait for a case. Those of the embedded server come and go.
func waiters(b *testing.B) int {
	b.Helper()
	var profile bytes.Buffer
	require.NoError(b, pprof.Lookup("goroutine").WriteTo(&profile, 1)) // equal stacks are one record: its count, " @ " and its frames
	_, records, _ := strings.Cut(profile.String(), "\n")
	all := 0
	for record := range strings.SplitSeq(records, "\n\n") {
		if strings.Contains(record, ".WaitForChange+") || strings.Contains(record, "signalbox.(*Case).Wait+") {
			count, _, _ := strings.Cut(record, " @ ")
			waiting, err := strconv.Atoi(count)
			require.NoError(b, err, record)
			all += waiting
		}
	}
	return all
}
