package resultschema

import (
	"errors"
	"fmt"
)

// mostSteps bounds the work of one check. A step takes about a microsecond at most; a usual check takes some hundred.
const mostSteps = 500_000

// budget counts the work of one check. The library can't be interrupted, so what is called by it panics when the budget is spent.
type budget struct{ left int }

func newBudget() *budget { return &budget{left: mostSteps} }

var errTooMuchWork = errors.New("checking takes too long: the schema is too complex for the result")

func (b *budget) spend(steps int) {
	if b.left -= steps; b.left < 0 || steps < 0 {
		panic(errTooMuchWork)
	}
}

// within runs what may spend the budget. A panic of the library is an error too: no schema may end a worker.
func (b *budget) within(do func() error) (err error) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case errTooMuchWork:
			err = errTooMuchWork
		default:
			err = fmt.Errorf("the checker fails on it (%T)", cause)
		}
	}()
	return do()
}
