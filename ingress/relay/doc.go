// Package relay hands what the inbox holds to the workflows, as signals.
//
// It knows lanes, the names and payloads of the contract, which errors of Temporal concern one workflow and which all of them. It
// does not know what an event means to a workflow, nor how it was verified.
//
// Promises: at least once, with the same delivery ID each time; in order within a lane; many lanes at a time; several pending events
// of one lane in one signal. While Temporal is away or refuses everything, the relay holds back and burns no delivery's attempts.
//
// What becomes of a delivery: delivered; late, where the workflow is closed; unmatched, where for a grace time there was no such
// workflow; dead, where it can't be parsed or the server refused it too often. All of these can be replayed.
package relay
