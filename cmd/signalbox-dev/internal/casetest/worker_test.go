package casetest_test

import "errors"

const workerSettings = "SIGNALBOX_TEST_WORKER"

func runWorker(string) int { return complain(errors.New("not yet")) }
