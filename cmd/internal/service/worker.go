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
func newWorkers(s Settings, temporal client.Client) (func(context.Context) error, error) {
	accounts := make(map[string]*offloadapi.Client, len(s.Config.Accounts))
	for name, account := range s.Config.Accounts {
		api, err := offloadapi.New(offloadapi.Config{BaseURL: account.BaseURL, APIKey: account.APIKey, Now: now})
		if err != nil {
			return nil, fmt.Errorf("accounts.%s: %w", name, err)
		}
		accounts[name] = api
	}
	activities, err := offload.New(offload.Config{Accounts: accounts, Keys: s.Keyring, PublicURL: s.Config.PublicURL, Now: now})
	if err != nil {
		return nil, err
	}
	namespace := s.Temporal.Namespace
	return func(ctx context.Context) error {
		if err := awaitTemporal(ctx, s.Log, func(ctx context.Context) error { return worker.Check(ctx, temporal, namespace) }); err != nil || ctx.Err() != nil {
			return err
		}
		s.Log.Info("workers run", zap.String("namespace", namespace))
		defer func() {
			for _, api := range accounts {
				api.Close()
			}
		}()
		return worker.New(temporal, worker.Options{Offload: activities, BuildID: s.Config.BuildID}).Run(ctx)
	}, nil
}

// awaitTemporal tries until the check passes or says that the namespace isn't set up. It ends without an error when ctx does.
func awaitTemporal(ctx context.Context, log *zap.Logger, check func(context.Context) error) error {
	const (
		firstPause = 250 * time.Millisecond
		mostPause  = 5 * time.Second
		timeout    = 5 * time.Second
	)
	try := func() error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return check(ctx)
	}
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := try()
		if err == nil || errors.Is(err, worker.ErrNotReady) {
			return err
		}
		if ctx.Err() == nil {
			log.Warn("workers wait for Temporal", zap.Error(err), zap.Duration("next_try_in", pause))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}
