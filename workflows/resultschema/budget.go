package resultschema

import (
	"errors"
	"fmt"
)

// maxSteps is the most work of one check. A step takes about a microsecond at most; a usual check takes a few hundred.
const maxSteps = 500_000

// budget counts the work of one check. The library can't be interrupted, so code that it calls panics when the budget is spent.
type budget struct{ left int }

func newBudget() *budget { return &budget{left: maxSteps} }

var errTooMuchWork = errors.New("checking takes too long: the schema is too complex for the result")

func (b *budget) spend(steps int) {
	if b.left -= steps; b.left < 0 || steps < 0 {
		panic(errTooMuchWork)
	}
}

// within runs do and returns an error if the budget is spent. A panic of the library becomes an error too, so that no schema can stop a
// worker.
func (b *budget) within(do func() error) (err error) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case errTooMuchWork:
			err = errTooMuchWork
		default:
			err = fmt.Errorf("the checker failed (%T)", cause)
		}
	}()
	return do()
}
