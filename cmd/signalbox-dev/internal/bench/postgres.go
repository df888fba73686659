package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// replicaCounts are how many ingresses share the database while acknowledging is measured.
var replicaCounts = []int{1, 2, 4}

const rowSQLite = "SQLite, one ingress"

func rowPostgres(replicas int) string {
	return fmt.Sprintf("PostgreSQL, ingresses that share it: %d", replicas)
}

// postgresCommand is `signalbox-dev bench postgres`.
func postgresCommand() *cobra.Command {
	var o Options
	var address string
	var asJSON bool
	command := &cobra.Command{
		Use:   "postgres",
		Short: "Measure acknowledging with the inbox in a PostgreSQL database, by one ingress and by several, beside SQLite",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress = cmd.ErrOrStderr()
			o.Deliveries = 1
			report, err := RunPostgres(cmd.Context(), o, address)
			return errors.Join(err, report.write(cmd.OutOrStdout(), asJSON, err))
		},
	}
	flags := command.Flags()
	flags.StringVar(&address, "inbox", os.Getenv("SIGNALBOX_INBOX"), "postgres://… of a database without an inbox, which gets one (SIGNALBOX_INBOX)")
	flags.Float64Var(&o.Seconds, "seconds", 4, "how long each is measured")
	flags.StringVar(&o.Folder, "folder", "", "where SQLite's file is kept meanwhile; empty: the system's temporary folder")
	flags.IntVar(&o.Rows, "rows", 0, "delivered rows in an inbox that is compared with a small one, such as 1000000 (filling them takes minutes), "+
		"each in a schema of its own that goes afterwards; 0: skip that")
	flags.BoolVar(&asJSON, "json", false, "write the report for programs")
	// Its default may hold a password.
	flags.Lookup("inbox").DefValue = ""
	return command
}

var errUsedInbox = errors.New("the database has an inbox already: measuring would leave its events there; name an empty database")

// RunPostgres measures what several ingresses acknowledge that share a database, and what a long table costs there.
func RunPostgres(ctx context.Context, o Options, address string) (Report, error) {
	return o.run(func(folder string, report *Report) error {
		probe, err := postgres.Open(ctx, address, postgres.Options{Existing: true})
		switch {
		case err == nil:
			return errors.Join(errUsedInbox, probe.Close())
		case !errors.Is(err, inbox.ErrNoTables):
			return err
		}
		keys, err := keyring.Generate()
		if err != nil {
			return err
		}
		var numbers atomic.Int64
		if report.Rows, err = postgresRows(ctx, o, address, keys, &numbers); err != nil {
			return err
		}
		report.Shared, err = shared(ctx, o, address, folder, keys, &numbers)
		return err
	})
}

// shared measures each number of ingresses in turns. They are in this process, each with an inbox of its own on the database, as replicas are
// apart from the processors that they share here.
func shared(ctx context.Context, o Options, address, folder string, keys *keyring.Ring, numbers *atomic.Int64) ([]Sample, error) {
	samples := make([]Sample, 1+len(replicaCounts))
	for round := range rounds {
		for i := range samples {
			name, start := rowSQLite, func() ([]*subject, error) {
				one, err := startSubject(folder, fmt.Sprintf("inbox-%d", round), keys)
				return []*subject{one}, err
			}
			if i > 0 {
				replicas := replicaCounts[i-1]
				name, start = rowPostgres(replicas), func() ([]*subject, error) { return startReplicas(ctx, address, replicas, keys) }
			}
			o.say("acknowledging, round %d of %d: %s", round+1, rounds, name)
			sample, err := acknowledge(ctx, name, start, keys, numbers, o.each()/rounds)
			if err != nil {
				return measured(samples), err
			}
			samples[i].Name = name
			samples[i].add(sample)
		}
	}
	return samples, nil
}

// acknowledge spreads the connections evenly over the ingresses and posts on all at once.
func acknowledge(ctx context.Context, name string, start func() ([]*subject, error), keys *keyring.Ring, numbers *atomic.Int64, until time.Duration) (_ Sample, err error) {
	subjects, err := start()
	defer func() {
		for _, s := range subjects {
			if s != nil {
				err = errors.Join(err, s.close())
			}
		}
	}()
	if err != nil {
		return Sample{}, err
	}
	before, err := subjects[0].stored(ctx)
	if err != nil {
		return Sample{}, err
	}
	all := requests(keys, manyConnections, numbers)
	parts, failures := make([]Sample, len(subjects)), make([]error, len(subjects))
	each := len(all) / len(subjects)
	var posting sync.WaitGroup
	began, used := now(), processorTime()
	for i, s := range subjects {
		posting.Go(func() {
			parts[i], failures[i] = load{address: s.address(), requests: all[i*each : (i+1)*each], until: until}.run(ctx, name)
		})
	}
	posting.Wait()
	sample := Sample{Name: name, Connections: len(all), took: now().Sub(began), cpu: processorTime() - used}
	for _, part := range parts {
		sample.Count += part.Count
		sample.all = append(sample.all, part.all...)
	}
	sample.derive()
	if err := errors.Join(failures...); err != nil {
		return sample, err
	}
	after, err := subjects[0].stored(ctx)
	if err == nil && after-before != int64(sample.Count) {
		err = fmt.Errorf("%s: acknowledged %d events, the inbox has %d", name, sample.Count, after-before)
	}
	return sample, err
}

func startReplicas(ctx context.Context, address string, count int, keys *keyring.Ring) (subjects []*subject, err error) {
	for range count {
		store, err := postgres.Open(ctx, address, postgres.Options{})
		if err != nil {
			return subjects, err
		}
		s, err := serveSubject(store, keys)
		if err != nil {
			return subjects, err
		}
		subjects = append(subjects, s)
	}
	return subjects, nil
}
