package postgres

import "time"

// Patient and PatientExisting are options for a busy machine: a transaction may take a minute.
var Patient, PatientExisting = Options{longest: time.Minute}, Options{Existing: true, longest: time.Minute}
