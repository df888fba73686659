package offloadapi

// SetMaxResponseBytes sets a smaller limit than MaxResponseBytes.
func (c *Client) SetMaxResponseBytes(n int64) { c.maxResponseBytes = n }
