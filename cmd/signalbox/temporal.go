package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// dial connects now, so that a command for people fails at once if Temporal is away.
func (p process) dial(ctx context.Context) (client.Client, client.Options, error) {
	codec, err := p.payloadCodec()
	if err != nil {
		return nil, client.Options{}, err
	}
	return p.dialWith(ctx, codec)
}

func (p process) dialWith(ctx context.Context, codec *payloadcodec.Codec) (client.Client, client.Options, error) {
	options, err := p.temporal.Options()
	if err != nil {
		return nil, options, fmt.Errorf("%w: %w", errUsage, err)
	}
	codec.Apply(&options)
	options.Logger = logging.ForTemporal(zap.NewNop())
	temporal, err := p.dialTemporal(ctx, options)
	if err != nil {
		why := signalbox.ErrUnavailable
		switch {
		case errors.Is(ctx.Err(), context.Canceled):
			why = context.Canceled // interrupted
		case accessDenied(err):
			why = signalbox.ErrAccessDenied
		}
		err = fmt.Errorf("%w: Temporal at %s, namespace %s: %w", why, options.HostPort, options.Namespace, err)
		if errors.Is(why, signalbox.ErrUnavailable) {
			err = fmt.Errorf("%w: does Temporal run there? TEMPORAL_ADDRESS has its address", err)
		}
		return nil, options, err
	}
	return temporal, options, nil
}

// accessDenied reports whether Temporal refuses the key. A refused TLS certificate looks like a server that is away.
func accessDenied(err error) bool {
	return errors.As(err, new(*serviceerror.PermissionDenied)) || status.Code(err) == codes.Unauthenticated
}

// payloadCodec is the codec that the variables name.
func (p process) payloadCodec() (*payloadcodec.Codec, error) {
	path, decryptOnly, err := p.settings.Payloads()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	ring, err := readPayloadKeys(path)
	return service.PayloadCodec(ring, decryptOnly), err
}

// client returns the Go client over a new connection, which close ends.
func (p process) client(cmd *cobra.Command, options signalbox.Options) (apps *signalbox.Client, end func(), err error) {
	temporal, dialled, err := p.dial(cmd.Context())
	if err != nil {
		return nil, nil, err
	}
	options.Namespace = dialled.Namespace
	apps, err = signalbox.New(temporal, options)
	if err != nil {
		temporal.Close()
		return nil, nil, err
	}
	return apps, temporal.Close, nil
}
