package testenv

import (
	"flag"
	"strconv"
)

// Parallel lets up to n parallel tests of a package run at a time, for tests that wait for most of their time. Go's default is the number of
// processors. Call it first in TestMain; -parallel on the command line wins.
func Parallel(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}
