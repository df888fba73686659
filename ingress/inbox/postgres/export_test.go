package postgres

import "time"

// Patient are options for a busy machine: a transaction may take a minute.
var Patient = Options{longest: time.Minute}
