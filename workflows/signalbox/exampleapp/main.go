// Command exampleapp is a complete business app: it starts a case, answers what Offload asks, and prints the outcome. It needs a Temporal server at
// localhost:7233 and a running Signalbox: `signalbox-dev` has both.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("want one argument, the reference of the case: your own ID, such as vendor_1024")
	}
	temporalClient, err := client.Dial(client.Options{}) // localhost:7233, namespace default
	if err != nil {
		log.Fatal(err)
	}
	if err := obtain(context.Background(), temporalClient, os.Args[1], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func obtain(ctx context.Context, temporalClient client.Client, reference string, out io.Writer) error {
	apps, err := signalbox.New(temporalClient, signalbox.Options{})
	if err != nil {
		return err
	}
	one, err := apps.StartCase(ctx, workflows.CaseStart{
		Reference: reference,
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "question@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	})
	if err != nil {
		return err
	}
	state, err := one.State(ctx)
	for err == nil && !state.Status.Ended() {
		if state.Status == workflows.CaseInputNeeded && state.Question != nil {
			answer := workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes, a signed PDF is fine.", By: "exampleapp"}
			// Another person may have answered first, or the case has ended: then the next state says more.
			if _, err := one.ProvideInput(ctx, answer); err != nil && !overtaken(err) {
				return err
			}
		}
		state, err = one.WaitForChange(ctx, time.Minute, &state)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s: %s\n", reference, state.Status, state.Outcome.Facts.Result)
	return err
}

// overtaken reports whether an answer came too late: the question is not open any more.
func overtaken(err error) bool {
	return errors.Is(err, signalbox.ErrAlreadyAnswered) || errors.Is(err, signalbox.ErrOtherQuestion) || errors.Is(err, signalbox.ErrNoOpenQuestion) ||
		errors.Is(err, signalbox.ErrEnded)
}
