package service

// Headroom lets garbage gather. Whoever holds one, without ever touching it, takes no memory by that; but the collector lets the heap
// double before it runs, and counts this in. An ingress alone holds so little that it would be collected many times a second. By the
// benchmark of the accept path it acknowledges a seventh more with it, for at most as much memory again.
type Headroom []byte

const headroom = 64 << 20

// NewHeadroom is held for as long as an ingress receives.
func NewHeadroom() Headroom { return make(Headroom, headroom) }
