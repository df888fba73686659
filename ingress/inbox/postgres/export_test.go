package postgres

import "time"

// Patient and PatientNoMigrate are options for a busy machine: a transaction may take a minute.
var Patient, PatientNoMigrate = Options{transactionTimeout: time.Minute}, Options{NoMigrate: true, transactionTimeout: time.Minute}
