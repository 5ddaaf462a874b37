package statistics

import "math/bits"

// Random is SplitMix64 (Steele, Lea, Flood 2014): small, and the same in every
// language, so that anyone can repeat a seeded figure.
type Random struct{ state uint64 }

// NewRandom returns a generator; equal seeds give equal sequences.
func NewRandom(seed uint64) *Random { return &Random{seed} }

// next returns the next 64 bits.
func (r *Random) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// Below returns a number from 0 to n-1: the high half of the product of the next
// 64 bits and n.
func (r *Random) Below(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}
