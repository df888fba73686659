package courier

// Fault is a fault of one attempt. Controls and flags use its text as its name.
type Fault string

const (
	// None has no effect.
	None Fault = ""
	// Drop does not deliver the attempt; the sender sees an error.
	Drop Fault = "drop"
	// Repeat delivers the message twice.
	Repeat Fault = "repeat"
	// Delay delivers the message later, out of order.
	Delay Fault = "delay"
	// Reorder delivers the message after the next one.
	Reorder Fault = "reorder"
	// Corrupt cuts the body short, after it was signed.
	Corrupt Fault = "corrupt"
	// LoseAnswer delivers the message, but the sender does not see the answer.
	LoseAnswer Fault = "lose-answer"
)

var allFaults = []Fault{Drop, Repeat, Delay, Reorder, Corrupt, LoseAnswer}

// Rule plans a fault for the next attempts that match. Delay, Repeat and Reorder affect only the first attempt of a message.
type Rule = PlannedRule[Fault]

// Faults plans the faults of webhooks.
type Faults = Plan[Fault]
