package group

// Waiting is the number of jobs that wait for the batch under way.
func (c *Committer[J]) Waiting() int { return len(c.jobs) }
