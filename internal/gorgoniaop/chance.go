package gorgoniaop

// Chance is a source of random numbers that are functions of where they are drawn, so that a pass can draw the same ones
// again, in whatever order.
type Chance struct{ State uint64 }

// NewChance makes a source from any numbers, such as a seed and the number of a step.
func NewChance(of ...uint64) Chance {
	c := Chance{}
	for _, v := range of {
		c = c.At(v)
	}
	return c
}

// At is the source of the place i under c.
func (c Chance) At(i uint64) Chance {
	return Chance{mix(c.State + i*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019)}
}

// Uniform is a number in [0, 1) for place i.
func (c Chance) Uniform(i uint64) float64 {
	return float64(mix(c.State+i*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
