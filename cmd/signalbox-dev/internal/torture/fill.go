package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// filler takes the ingress's disk away and gives it back, and pings meanwhile: what can't be stored has to be refused with 503, and when there
// is room again the same process has to store again.
type filler struct {
	pinger *pinger
	// growing is the file that each write to the inbox makes longer.
	growing string
	// noticed is how long a disk that takes nothing may go unnoticed, mended how long the ingress may go on to refuse when it is back.
	noticed, mended time.Duration
}

// growthPatience is how long a file that can't grow may take to be in the way: SQLite writes over its log again and again.
const growthPatience = time.Second

// fill returns what the ingress did wrong. Nobody starts the process anew meanwhile: one that ended would be found not to store again.
func (f filler) fill(ctx context.Context, p *process, how fault) error {
	served := p.command.Process
	err := f.take(ctx, served, how.readOnly)
	if err != nil {
		err = fmt.Errorf("%s with a full disk: %w", p.role, err)
	}
	wait(ctx, how.away)
	if err := errors.Join(err, unboundFiles(served)); err != nil {
		return err
	}
	if err := f.pinger.until(ctx, f.mended, stored); err != nil {
		return fmt.Errorf("%s after its disk was full: %w", p.role, err)
	}
	return nil
}

// take takes the disk away and waits until that is noticed.
func (f filler) take(ctx context.Context, from *os.Process, readOnly bool) error {
	if info, err := os.Stat(f.growing); err == nil && !readOnly {
		if err := boundFiles(from, info.Size()); err != nil {
			return err
		}
		if f.pinger.until(ctx, growthPatience, refused) == nil {
			return nil
		}
	}
	if err := boundFiles(from, 0); err != nil {
		return err
	}
	return f.pinger.until(ctx, f.noticed, refused)
}
