package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/activities/offload"
	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/worker"
)

// newWorkers returns what runs the workers as soon as Temporal can be reached. A namespace that isn't set up ends it with the command to run.
func newWorkers(ctx context.Context, s Settings, temporal client.Client) (func(context.Context) error, error) {
	accounts := make(map[string]*offloadapi.Client, len(s.Config.Accounts))
	for name, account := range s.Config.Accounts {
		api, err := offloadapi.New(offloadapi.Config{
			BaseURL: account.BaseURL, APIKey: account.APIKey, Now: now,
			CallsPerSecond: account.CallsPerSecond, ReadsPerSecond: account.ReadsPerSecond,
		})
		if err != nil {
			return nil, fmt.Errorf("accounts.%s: %w", name, err)
		}
		accounts[name] = api
	}
	activities, err := offload.New(offload.Config{Accounts: accounts, Keys: s.Keyring, PublicURL: s.Config.PublicURL, Now: now})
	if err != nil {
		return nil, err
	}
	files, closeFiles, err := openArchive(ctx, s, activities)
	if err != nil {
		return nil, err
	}
	namespace := s.Temporal.Namespace
	run := func(ctx context.Context) error {
		if err := worker.Check(ctx, temporal, namespace); err != nil {
			return err
		}
		s.Log.Info("workers run", zap.String("namespace", namespace))
		return worker.New(temporal, worker.Options{
			Offload: activities, Archive: files, WorkflowCache: s.Config.WorkflowCache, BuildID: s.Config.BuildID,
			OffloadCallsPerSecond: s.Config.OffloadCallsPerSecond, OffloadReadsPerSecond: s.Config.OffloadReadsPerSecond,
		}).Run(ctx)
	}
	return func(ctx context.Context) error {
		defer func() {
			closeFiles()
			for _, api := range accounts {
				api.Close()
			}
		}()
		return untilStarted(ctx, s.Log, run)
	}, nil
}

// untilStarted runs the workers, and tries again while Temporal is away at their start. Once they have started the SDK itself waits for
// a server that goes away.
func untilStarted(ctx context.Context, log *zap.Logger, run func(context.Context) error) error {
	const (
		firstPause = 250 * time.Millisecond
		mostPause  = 5 * time.Second
	)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := run(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !temporary(err) {
			return err
		}
		log.Warn("workers wait for Temporal", zap.Error(err), zap.Duration("next_try_in", pause))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// temporary says whether a failed start is worth another try: a namespace that isn't set up, and a worker that broke while it ran, are not.
func temporary(err error) bool {
	if errors.Is(err, worker.ErrNotReady) {
		return false
	}
	return errors.Is(err, worker.ErrNotStarted) || errors.Is(err, worker.ErrUnreachable)
}
