package courier

// Fault is what goes wrong with one attempt. Its text is how the controls and the flags name it.
type Fault string

const (
	// None carries an attempt as it should be.
	None Fault = ""
	// Drop keeps the attempt from its receiver; the sender sees an error.
	Drop Fault = "drop"
	// Repeat brings the message twice.
	Repeat Fault = "repeat"
	// Delay brings it later, out of its order.
	Delay Fault = "delay"
	// Reorder brings it after the next message.
	Reorder Fault = "reorder"
	// Corrupt cuts the body short, after it was signed.
	Corrupt Fault = "corrupt"
	// LoseAnswer brings it, but the sender never sees the receiver's answer.
	LoseAnswer Fault = "lose-answer"
)

var allFaults = []Fault{Drop, Repeat, Delay, Reorder, Corrupt, LoseAnswer}

// Rule plans a fault for the next attempts that match. Delay, Repeat and Reorder only bear on a message's first attempt.
type Rule = PlannedRule[Fault]

// Faults decides what goes wrong with webhooks.
type Faults = Plan[Fault]
