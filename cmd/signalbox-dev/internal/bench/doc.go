// Package bench measures Signalbox against a plain handler that signals Temporal within the request, side by side in one run, and says
// which of the design's figures hold on this machine.
//
// Everything but the worker whose memory is read runs in this process: the real Temporal server on a file, the real ingress with its SQLite inbox, the relay, and the load
// generator. So the generator is lean (kept connections, requests made beforehand), and figures that are compared are taken in turns:
// what else the machine does then weighs on both alike. Besides the rates, each figure has the processor time that it took, which is
// the one number that a busy neighbour changes little; what all processors could do in that time is shown beside it.
//
// No worker runs while signals are counted, for either side: a signal then costs the server its least, which favours the plain handler.
package bench
