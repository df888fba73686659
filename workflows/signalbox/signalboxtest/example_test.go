package signalboxtest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

// onboard is a business app: it obtains a form from a vendor, and answers Offload's questions automatically.
func onboard(ctx context.Context, apps *signalbox.Client, vendor string) (string, error) {
	one, err := apps.StartCase(ctx, workflows.CaseStart{
		Reference: vendor,
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "ap@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	})
	if err != nil {
		return "", err
	}
	state, err := one.State(ctx)
	for err == nil && !state.Status.Ended() {
		if state.Status == workflows.CaseInputNeeded && state.Question != nil {
			answer := workflows.ProvideInput{QuestionID: state.Question.ID, Text: "A signed PDF is fine.", By: "onboarding"}
			if _, err := one.ProvideInput(ctx, answer); err != nil {
				return "", err
			}
		}
		state, err = one.WaitForChange(ctx, time.Minute, &state)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s", state.Status, state.Outcome.Facts.Result), nil
}

// In a test, t is its *testing.T.
func ExampleNew() {
	t := &exampleT{}
	defer t.cleanup()

	apps, fake := signalboxtest.New(t, signalbox.Options{})
	done := make(chan string)
	go func() {
		outcome, err := onboard(context.Background(), apps, "vendor_2048")
		if err != nil {
			outcome = err.Error()
		}
		done <- outcome
	}()
	question := fake.Ask("vendor_2048", "Is a signed PDF fine?")
	fmt.Println(fake.AwaitAnswer("vendor_2048", question))
	fake.Complete("vendor_2048", map[string]any{"signedW9Received": true})
	fmt.Println(<-done)
	// Output:
	// A signed PDF is fine.
	// COMPLETED {"signedW9Received":true}
}

// exampleT replaces a *testing.T, which an example does not have.
type exampleT struct{ cleanups []func() }

func (t *exampleT) Helper()                   {}
func (t *exampleT) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (t *exampleT) cleanup() {
	for _, f := range t.cleanups {
		f()
	}
}
