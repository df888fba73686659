package postgres

import "time"

// Patient and PatientExisting are options for a busy machine: a transaction may take a minute.
var Patient, PatientExisting = Options{transactionTimeout: time.Minute}, Options{Existing: true, transactionTimeout: time.Minute}
