package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// caseChange returns a command that changes the case of its first argument and prints the new state.
func (p process) caseChange(use, short string, args cobra.PositionalArgs,
	change func(ctx context.Context, one oneCase, args []string) (workflows.CaseReceipt, error),
) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: use, Short: short, Args: args, ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Open}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			receipt, err := change(cmd.Context(), backend.Case(args[0]), args[1:])
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, receipt, [][2]string{{"status", string(receipt.Status)}})
		}),
	}
	jsonFlag(command, &asJSON)
	return usesAPI(command)
}

func (p process) caseAdopt() *cobra.Command {
	var by string
	command := p.caseChange("adopt REFERENCE CASE_ID", "Say which case at Offload an uncertain creation made", cobra.ExactArgs(2),
		func(ctx context.Context, one oneCase, args []string) (workflows.CaseReceipt, error) {
			return one.Adopt(ctx, workflows.AdoptCase{CaseID: args[0], By: cmp.Or(by, p.who())})
		})
	byFlag(command, &by)
	return command
}

func (p process) caseRetryCreate() *cobra.Command {
	var (
		retry    workflows.RetryCreate
		file, by string
	)
	command := p.caseChange("retry-create REFERENCE", "Create a case again whose creation is uncertain or was rejected", cobra.ExactArgs(1),
		func(ctx context.Context, one oneCase, _ []string) (workflows.CaseReceipt, error) {
			retry.By = cmp.Or(by, p.who())
			if file != "" {
				corrected, err := p.readStart(ctx, file)
				if err != nil {
					return workflows.CaseReceipt{}, err
				}
				if corrected.Request == nil {
					return workflows.CaseReceipt{}, fmt.Errorf("%w: --file %s: request: required", errUsage, file)
				}
				retry.Request = corrected.Request
			}
			return one.RetryCreate(ctx, retry)
		})
	command.Long = `Create a case again. If its creation is uncertain, first make sure that Offload has no such case: a second case is a second e-mail thread.
If the request was rejected, give a corrected document, as for "case start"; only its request counts.`
	command.Flags().StringVarP(&file, "file", "f", "", "JSON document with the corrected request; - is standard input; empty: the same request again")
	byFlag(command, &by)
	return command
}

func (p process) caseCancel() *cobra.Command {
	var reason, by string
	command := p.caseChange("cancel REFERENCE", "End a case here; Offload has no cancel and goes on with it", cobra.ExactArgs(1),
		func(ctx context.Context, one oneCase, _ []string) (workflows.CaseReceipt, error) {
			return one.Cancel(ctx, workflows.CancelCase{Reason: reason, By: cmp.Or(by, p.who())})
		})
	command.Flags().StringVar(&reason, "reason", "", "why, for the record")
	byFlag(command, &by)
	return command
}

func (p process) caseCheck() *cobra.Command {
	var by string
	check := &cobra.Command{
		Use:   "check REFERENCE",
		Short: "Make a case read its state at Offload now",
		Long: `Make a case read its state at Offload now instead of at its next scheduled read. The command does not wait for the read, which keeps to the account's
rate: "case show" shows the result. A case without an ID at Offload is not read.`,
		Args: cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Open}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			if err := backend.Case(args[0]).ReconcileNow(cmd.Context(), cmp.Or(by, p.who())); err != nil {
				return err
			}
			return p.say(cmd, "case %s will be read now\n", args[0])
		}),
	}
	byFlag(check, &by)
	return usesAPI(check)
}
