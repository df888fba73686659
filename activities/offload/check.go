package offload

import (
	"context"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
)

// CheckResult is the local activity "offload.check-result": it checks a result against the resultSchema of its request, because Offload does
// not check it (Offload, "Result schema"). It never fails: the answer says why a result could not be checked.
func (a *Activities) CheckResult(_ context.Context, p workflows.CheckResultParams) (workflows.ResultCheck, error) {
	return resultschema.Check(p.Schema, p.Result), nil
}
