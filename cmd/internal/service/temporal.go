package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// PayloadCodec is the codec of a process; keys may be nil.
func PayloadCodec(keys *keyring.Ring, decryptOnly bool) *payloadcodec.Codec {
	codec := payloadcodec.New(keys)
	if decryptOnly {
		return codec.DecryptOnly()
	}
	return codec
}

// newTemporal returns the client of a process. It connects when it is first used.
func newTemporal(s Settings, payloads *payloadcodec.Codec, metrics telemetry.Metrics, traces *telemetry.Traces) (client.Client, error) {
	options := s.Temporal
	options.Logger, options.MetricsHandler = logging.ForTemporal(s.Log), metrics.Temporal
	// A firewall that forgets a connection says nothing: this bounds how long webhooks then wait. Temporal allows a ping every 10 seconds.
	connection := &options.ConnectionOptions
	connection.KeepAliveTime = cmp.Or(connection.KeepAliveTime, 15*time.Second)
	connection.KeepAliveTimeout = cmp.Or(connection.KeepAliveTimeout, 5*time.Second)
	payloads.Apply(&options)
	options.Interceptors = append(options.Interceptors, traces.Interceptors()...)
	temporal, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("%w: temporal client: %w", setting.ErrWrong, err)
	}
	return temporal, nil
}

// temporalNeeds has the checks of the Temporal server and the namespace.
type temporalNeeds struct {
	client             client.Client
	namespace, address string
}

// reachable fails unless the server answers, admits this process and has the namespace.
func (t temporalNeeds) reachable(ctx context.Context) error {
	_, err := t.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.namespace})
	return t.problem(err)
}

func (t temporalNeeds) problem(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*serviceerror.NamespaceNotFound)), errors.As(err, new(*serviceerror.NotFound)):
		return &health.Problem{
			Text: fmt.Sprintf("the namespace %q does not exist", t.namespace),
			Fix:  "run `signalbox setup --create-namespace`, or correct TEMPORAL_NAMESPACE", Cause: err,
		}
	case errors.As(err, new(*serviceerror.PermissionDenied)), status.Code(err) == codes.Unauthenticated:
		return &health.Problem{Text: "Temporal refuses this process", Fix: "check TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_CERT_…, and their permissions in the namespace", Cause: err}
	default:
		return &health.Problem{Text: "Temporal does not answer", Fix: "check that it runs, and TEMPORAL_ADDRESS and TEMPORAL_TLS; the log says more", Cause: fmt.Errorf("address %s: %w", t.address, err)}
	}
}

// searchAttributes fails unless every search attribute is usable: a workflow that can't set one is stuck.
func (t temporalNeeds) searchAttributes(ctx context.Context) error {
	if err := t.reachable(ctx); err != nil {
		return &health.Problem{Text: "the search attributes can't be checked", Fix: "see the check of Temporal", Cause: err, Follows: true}
	}
	err := worker.Check(ctx, t.client, t.namespace)
	if err == nil {
		err = worker.Usable(ctx, t.client, t.namespace)
	}
	switch {
	case errors.Is(err, worker.ErrNotReady):
		// The error contains attributes and the namespace only.
		return &health.Problem{Text: "the namespace lacks search attributes", Fix: "run `signalbox setup`", Cause: err}
	case err != nil:
		return &health.Problem{Text: "the search attributes are not usable yet", Fix: "wait some seconds after `signalbox setup`; the log says more", Cause: err}
	}
	return nil
}
