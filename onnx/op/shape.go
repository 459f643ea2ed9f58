package op

// shapeRules covers the operators that measure a tensor.
var shapeRules = map[string]Rule{"Shape": shape, "Size": size}

// shape is where shape arithmetic begins: the input's dimensions, names and all, become contents.
func shape(c *Call) error {
	x, out := c.In[0], &c.Out[0]
	if !x.HasRank() {
		out.Dims = unknownDims(1)
		return nil
	}
	lo, hi := ShapeSpan(c, x.Rank())
	out.Dims = []Dim{Known(hi - lo)}
	setContents(out, SameDims(x)[lo:hi])
	return nil
}

// ShapeSpan gives the range of dimensions that Shape reports of a tensor of the given rank: attributes start and end
// (since opset 15), which count from the end where negative and are clamped to the rank.
func ShapeSpan(c *Call, rank int) (lo, hi int) {
	hi = rank
	if c.Attrs.Has("end") {
		hi = c.Attrs.Int("end")
	}
	lo, n := sliceRange(rank, c.Attrs.Int("start"), hi, 1)
	return lo, lo + n
}

// size counts elements; with one named dimension among ones that name is the count.
func size(c *Call) error {
	x, out := c.In[0], &c.Out[0]
	out.Dims = []Dim{}
	if !x.HasRank() {
		return nil
	}
	n, err := product(x.Dims)
	if err != nil {
		return err
	}
	setContents(out, []Dim{n})
	return nil
}
