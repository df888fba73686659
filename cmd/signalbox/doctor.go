package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/activities/archive"
	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
	"github.com/signalbox-dev/signalbox/worker"
)

// errUnhealthy says that at least one check of the doctor failed.
var errUnhealthy = errors.New("at least one check failed")

// finding is the result of one check of the doctor.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	// Detail is what was found, or what is wrong and how to fix it.
	Detail string `json:"detail"`
	// Seconds is how long a step of the canary took.
	Seconds float64 `json:"seconds,omitempty"`
}

// checkTimeout bounds each check that asks Temporal or a database.
const checkTimeout = 10 * time.Second

func (p process) doctor() *cobra.Command {
	var asJSON bool
	var canary canaryArgs
	doctor := &cobra.Command{
		Use:   "doctor [serve|ingress|worker]",
		Short: "Check settings, keyring, inbox, bucket and Temporal for a process, and print the result of each check",
		Long: `Check settings, keyring, inbox, bucket and Temporal for a process, and print the result of each check.
That of the workers passes while any worker polls each task queue; Temporal forgets a worker five minutes after its last poll.

--canary also sends an event through the whole system, and prints how long each step took: ingress and inbox, relay, Temporal, worker. It is harmless
in production: it calls no provider and sends no notice. It leaves one delivery in the inbox and one closed workflow offload-case/~canary-… in
Temporal, and each is removed when its retention ends. The to-do list leaves canaries out, and lists of cases too, unless asked for their references.`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"serve", "ingress", "worker"},
		RunE: func(cmd *cobra.Command, args []string) error {
			parts := config.Ingress | config.Worker
			if len(args) == 1 {
				parts = map[string]config.Part{"serve": parts, "ingress": config.Ingress, "worker": config.Worker}[args[0]]
			}
			findings := p.examine(cmd.Context(), cmd.Flags(), parts, canary)
			if err := p.report(cmd, asJSON, findings); err != nil {
				return err
			}
			for _, f := range findings {
				if !f.OK {
					return errUnhealthy
				}
			}
			return nil
		},
	}
	config.Flags(doctor.Flags(), config.Ingress|config.Worker)
	jsonFlag(doctor, &asJSON)
	doctor.Flags().BoolVar(&canary.wanted, "canary", false, "send an event through ingress, inbox, relay, Temporal and worker, and time each step")
	doctor.Flags().StringVar(&canary.url, "canary-url", "", "URL of the ingress for the canary, instead of --public-url")
	doctor.Flags().DurationVar(&canary.timeout, "canary-timeout", canaryTimeout, "how long all steps of the canary may take together")
	return doctor
}

// canaryArgs says whether and how a canary is sent.
type canaryArgs struct {
	wanted  bool
	url     string
	timeout time.Duration
}

func (p process) report(cmd *cobra.Command, asJSON bool, findings []finding) error {
	if asJSON {
		return p.showJSON(cmd, findings)
	}
	for _, f := range findings {
		mark := "ok    "
		if !f.OK {
			mark = "FAILED"
		}
		if err := p.say(cmd, "%s  %-17s  %s\n", mark, f.Check, printable(strings.ReplaceAll(f.Detail, "\n", "; "))); err != nil {
			return err
		}
	}
	return nil
}

// examine makes every check, even after one has failed. It skips the checks that need Temporal while Temporal is away.
func (p process) examine(ctx context.Context, flags *pflag.FlagSet, parts config.Part, canary canaryArgs) []finding {
	var findings []finding
	note := func(check, good string, err error) {
		f := finding{Check: check, OK: err == nil, Detail: good}
		if err != nil {
			f.Detail = err.Error()
		}
		findings = append(findings, f)
	}
	note("version", buildinfo.Version(), nil)
	settings, err := config.Load(flags, p.settings)
	note("settings", "complete", errors.Join(err, settings.Validate(parts)))
	for _, warning := range settings.Unknown {
		note("settings", "", errors.New(warning))
	}
	where, err := traces(p.settings.Environ)
	note("traces", where, err)
	_, err = readKeyring(settings.Keyring)
	note("keyring", settings.Keyring, err)
	payloads, err := readPayloadKeys(settings.PayloadKeys)
	if settings.PayloadKeys != "" {
		note("payload keys", settings.PayloadKeys, err)
	}
	if parts&config.Ingress != 0 {
		found, err := p.examineInbox(ctx, settings)
		note("inbox", found, err)
	}
	if parts&config.Worker != 0 && settings.Bucket != "" {
		note("bucket", "answers, or its folder is still to be created", examineBucket(ctx, settings.Bucket))
	}

	dialCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	temporal, options, err := p.dialWith(dialCtx, service.PayloadCodec(payloads, settings.PayloadDecryptOnly))
	note("temporal", fmt.Sprintf("%s, namespace %s", options.HostPort, options.Namespace), err)
	if err != nil {
		away := errors.New("not checked: Temporal can't be reached")
		note("search attributes", "", away)
		note("retention", "", away)
		note("workers", "", away)
		if canary.wanted {
			note(stepStart, "", away)
		}
		return findings
	}
	defer temporal.Close()
	note("search attributes", "registered and usable", searchAttributes(ctx, temporal, options.Namespace))
	kept, err := retention(ctx, temporal, options.Namespace)
	note("retention", days(kept), err)
	note("workers", "poll every task queue", workersPoll(ctx, temporal, options.Namespace))
	if parts&config.Worker != 0 && settings.BuildID != "" {
		note("worker version", fmt.Sprintf("%q of deployment %q gets tasks", settings.BuildID, settings.DeploymentName), workerVersion(ctx, temporal, options.Namespace, settings))
	}
	if canary.wanted {
		findings = append(findings, p.examineCanary(ctx, temporal, settings, canary.url, canary.timeout)...)
	}
	return findings
}

func (p process) examineInbox(ctx context.Context, settings config.Config) (string, error) {
	if err := settings.CheckInbox(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return storage.Examine(ctx, settings.Inbox)
}

func examineBucket(ctx context.Context, bucket string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := archive.CheckBucket(ctx, bucket); err != nil {
		return fmt.Errorf("--bucket (SIGNALBOX_BUCKET): %w", err)
	}
	return nil
}

// traces says where the spans of a process with this environment go.
func traces(environ []string) (string, error) {
	settings, err := telemetry.ReadTraceSettings(environ)
	switch {
	case err != nil:
		return "", err
	case !settings.On():
		return "off; OTEL_EXPORTER_OTLP_ENDPOINT turns them on", nil
	}
	return settings.Endpoint + ", sampler " + settings.Sampler, nil
}

func searchAttributes(ctx context.Context, temporal client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := worker.Check(ctx, temporal, namespace); err != nil {
		return err
	}
	return worker.Usable(ctx, temporal, namespace)
}

// workersPoll fails while no worker polls a task queue.
func workersPoll(ctx context.Context, temporal client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := worker.CheckPolled(ctx, temporal, namespace)
	if errors.Is(err, worker.ErrNotPolled) {
		return fmt.Errorf("%w: start one with `signalbox worker` or `serve`", err)
	}
	return err
}

// workerVersion fails if Temporal gives no tasks to the version of this process. The error names the command that changes this.
func workerVersion(ctx context.Context, temporal client.Client, namespace string, settings config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := worker.CheckGetsTasks(ctx, temporal, settings.DeploymentName, settings.BuildID)
	if errors.Is(err, worker.ErrNoTasks) {
		return fmt.Errorf("%w; start its workers, then run `%s`", err, worker.SetCurrentCommand(namespace, settings.DeploymentName, settings.BuildID))
	}
	return err
}

// retention fails if the namespace keeps closed workflows for less than minRetention: then a reference could be used twice.
func retention(ctx context.Context, temporal client.Client, namespace string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return 0, fmt.Errorf("describe namespace %q: %w", namespace, err)
	}
	kept := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if kept < minRetention {
		return kept, fmt.Errorf("namespace %q keeps closed workflows for %s, want at least %s: a reference could be used twice; "+
			"run `temporal operator namespace update --retention %dh`", namespace, days(kept), days(minRetention), int(minRetention.Hours()))
	}
	return kept, nil
}

func days(d time.Duration) string { return fmt.Sprintf("%.4g days", d.Hours()/24) }
