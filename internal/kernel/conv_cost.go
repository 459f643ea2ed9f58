package kernel

// costs estimates what a convolution costs by each method, in units of one multiply-add in a micro-kernel at full speed.
// Only ratios matter; they were measured on the convolutions of the published networks, and hold within a fifth or so
// for AVX-512 and AVX2 alike.
var costs = struct {
	product   float64 // a multiply-add, with what micro-kernels lose
	pack      float64 // an element of B that is cut out of the image
	transform float64 // an element at one point of one channel, to the points or back
	filter    float64 // an element of U that is read from outside the caches
	// least is how many times cheaper Winograd must be, which rounds more, to be taken.
	least float64
}{product: 1.08, pack: 9, transform: 25, filter: 5, least: 1.1}

// directCost is the cost by matrix products.
func (c *Conv) directCost(s *ConvShape) float64 {
	p := &c.p
	taps := float64(p.Taps())
	// Rows of the kernel that lie above or below the image are left out, and columns beside it, too.
	inside := 0
	for y := range s.Out[0] {
		for k := range p.Kernel[0] {
			if i := y*p.Strides[0] + k*p.Dilations[0] - s.Pad[0]; i >= 0 && i < s.In[0] {
				inside++
			}
		}
	}
	taps *= float64(inside) / float64(s.Out[0]*p.Kernel[0])
	_, columns := c.strips(s)
	taps *= columns
	return taps * float64(p.In*s.Batch*roundUp(product(s.Out), c.mk.cols)) * (float64(p.Out)*costs.product + costs.pack)
}

// cost is that of the plan.
func (p *winogradPlan) cost() float64 {
	in, out, points := float64(p.w.in), float64(p.w.out), float64(p.a.points)
	columns := float64(roundUp(p.tiles, p.w.mk.cols))
	return points * (columns*in*out*costs.product + float64(p.tiles)*(in+out)*costs.transform + float64(p.groups)*in*out*costs.filter)
}

// chooseWinograd gives the plan of the cheapest algorithm, if one is cheaper than matrix products. The choice does not
// depend on the number of threads.
func (c *Conv) chooseWinograd(s *ConvShape, threads int) (best winogradPlan, ok bool) {
	if c.winograd == nil || s.Batch*product(s.Out) == 0 {
		return best, false
	}
	lowest, algorithm := c.directCost(s)/costs.least, (*winogradAlgorithm)(nil)
	for _, a := range winogradAlgorithms {
		if p, fits := c.winograd.plan(a, s, 1); fits && p.cost() < lowest {
			lowest, algorithm = p.cost(), a
		}
	}
	if algorithm == nil {
		return best, false
	}
	return c.winograd.plan(algorithm, s, threads)
}
