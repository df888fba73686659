package inbox

import "fmt"

// Prepare returns the deliveries as a store writes them: checked, with IDs, and with DueAt and
// SettledAt derived where the caller left them empty. It is for stores; the error is ErrInvalid
// and names the position.
func Prepare(deliveries []Delivery) ([]Delivery, error) {
	prepared := make([]Delivery, len(deliveries))
	for i, d := range deliveries {
		if err := d.validate(); err != nil {
			return nil, fmt.Errorf("inbox: append delivery %d: %w", i, err)
		}
		if d.ID == "" {
			id, err := NewID()
			if err != nil {
				return nil, err
			}
			d.ID = id
		}
		if d.DueAt.IsZero() {
			d.DueAt = d.ReceivedAt
		}
		if d.State == StateIgnored || d.State == StateDead {
			d.SettledAt = d.ReceivedAt
		}
		prepared[i] = d
	}
	return prepared, nil
}
