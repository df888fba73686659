package testenv

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestAGoroutineThatDoesNotEndIsALeak(t *testing.T) {
	before := goleak.IgnoreCurrent()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		<-end
		close(ended)
	}()
	require.ErrorContains(t, leaks(time.Millisecond, before), "TestAGoroutineThatDoesNotEndIsALeak")
	close(end)
	<-ended
	require.NoError(t, leaks(leakTimeout, before))
}
