package op

import "fmt"

// transposeRules covers the operator that permutes dimensions.
var transposeRules = map[string]Rule{"Transpose": transpose}

// transpose is the one operator here whose attribute alone tells the rank.
func transpose(c *Call) error {
	x := c.In[0]
	if !x.HasRank() {
		if c.Attrs.Has("perm") {
			c.Out[0].Dims = unknownDims(len(c.Attrs.Ints("perm")))
		}
		return nil
	}
	perm, err := transposePerm(c, x.Rank())
	if err != nil {
		return err
	}
	c.Out[0].Dims = make([]Dim, len(perm))
	for k, from := range perm {
		c.Out[0].Dims[k] = x.Dims[from]
	}
	return c.carry(&c.Out[0], x, func() (Walk, error) { return TransposeWalk(c) })
}

// transposePerm gives the input's axis for each axis of the output.
func transposePerm(c *Call, rank int) ([]int, error) {
	perm := c.Attrs.Ints("perm")
	if !c.Attrs.Has("perm") {
		perm = make([]int, rank)
		for k := range perm {
			perm[k] = rank - 1 - k
		}
		return perm, nil
	}
	seen := make([]bool, rank)
	for _, p := range perm {
		if len(perm) != rank || p < 0 || p >= rank || seen[p] {
			return nil, fmt.Errorf("attribute \"perm\" is %v, want each of 0 to %d once", perm, rank-1)
		}
		seen[p] = true
	}
	if len(perm) != rank {
		return nil, fmt.Errorf("attribute \"perm\" is empty for an input of %d dimensions", rank)
	}
	return perm, nil
}

// TransposeWalk says where the output of Transpose lies in its input, whose dimensions must be known.
func TransposeWalk(c *Call) (Walk, error) {
	shape, ok := c.In[0].Sizes()
	if !ok {
		return Walk{}, errUnknown
	}
	perm, err := transposePerm(c, len(shape))
	if err != nil {
		return Walk{}, err
	}
	w := Walk{Sizes: make([]int, len(perm)), Steps: make([]int, len(perm))}
	steps := rowMajor(shape)
	for k, from := range perm {
		w.Sizes[k], w.Steps[k] = shape[from], steps[from]
	}
	return w, nil
}
