package op

import "fmt"

// splitRules covers the operator that cuts a tensor along an axis.
var splitRules = map[string]Rule{"Split": split}

// split carries contents too: exporters split the output of Shape to name its dimensions.
func split(c *Call) error {
	list, err := c.intList("split")
	if err != nil {
		return err
	}
	if err := checkSplit(c, list); err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	axis, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	sizes, err := splitSizes(c, list, x.Dims[axis])
	if err != nil {
		return err
	}
	at := 0
	for i := range c.Out {
		out := &c.Out[i]
		out.Dims = SameDims(x)
		out.Dims[axis] = sizes[i]
		if err := c.carry(out, x, func() (Walk, error) { return splitWalk(c, axis, at, sizes[i].Size) }); err != nil {
			return err
		}
		at += sizes[i].Size // only used while all sizes are known
	}
	return nil
}

// checkSplit holds the number of outputs against those that the node asks for.
func checkSplit(c *Call, list intList) error {
	n := len(c.Out)
	if list.given && list.n >= 0 && list.n != n {
		return fmt.Errorf("%s has %d sizes for %d outputs", list.what, list.n, n)
	}
	if c.Opset < 18 {
		return nil
	}
	switch parts := c.Attrs.Int("num_outputs"); {
	case list.given && c.Attrs.Has("num_outputs"):
		return fmt.Errorf("%s and attribute \"num_outputs\" are both given, want one of them", list.what)
	case !list.given && !c.Attrs.Has("num_outputs"):
		return fmt.Errorf("neither %s nor attribute \"num_outputs\" is given, want one of them", list.what)
	case !list.given && parts != n:
		return fmt.Errorf("attribute \"num_outputs\" is %d, but the node has %d outputs", parts, n)
	}
	return nil
}

// splitSizes gives each output's size along the axis, which is d long in the input.
func splitSizes(c *Call, list intList, d Dim) ([]Dim, error) {
	n := len(c.Out)
	sizes := unknownDims(n)
	if list.given {
		if !list.known {
			return sizes, nil
		}
		sum := Known(0)
		for i, v := range list.v {
			if v < 0 {
				return nil, fmt.Errorf("%s is %v, want sizes of 0 or more", list.what, list.v)
			}
			sizes[i] = Known(v)
			var err error
			if sum, err = sum.plus(sizes[i]); err != nil {
				return nil, err
			}
		}
		if d.IsKnown() && d.Size != sum.Size {
			return nil, fmt.Errorf("%s is %v, which adds up to %d, but the axis has %d", list.what, list.v, sum.Size, d.Size)
		}
		return sizes, nil
	}
	switch {
	case n == 1:
		sizes[0] = d
	case !d.IsKnown():
	case d.Size%n == 0:
		for i := range sizes {
			sizes[i] = Known(d.Size / n)
		}
	case c.Opset < 18:
		return nil, fmt.Errorf("an axis of %d does not divide into %d equal outputs; give their sizes in \"split\"", d.Size, n)
	default: // since opset 18 the last part may be smaller
		part := (d.Size-1)/n + 1
		rest := d.Size - part*(n-1)
		if rest < 0 {
			return nil, fmt.Errorf("an axis of %d does not divide into %d outputs, of which all but the last have %d", d.Size, n, part)
		}
		for i := range sizes {
			sizes[i] = Known(part)
		}
		sizes[n-1] = Known(rest)
	}
	return sizes, nil
}

func splitWalk(c *Call, axis, at, size int) (Walk, error) {
	shape, _ := c.In[0].Sizes()
	w := Walk{Sizes: shape, Steps: rowMajor(shape)}
	w.Offset = at * w.Steps[axis]
	w.Sizes = append([]int{}, shape...)
	w.Sizes[axis] = size
	return w, nil
}

// SplitWalks says where each output of Split lies in its input. Dimensions and contents of the inputs must be known.
func SplitWalks(c *Call) ([]Walk, error) {
	list, err := c.intList("split")
	if err != nil {
		return nil, err
	}
	if err := checkSplit(c, list); err != nil {
		return nil, err
	}
	axis, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), c.In[0].Rank())
	if err != nil {
		return nil, err
	}
	sizes, err := splitSizes(c, list, c.In[0].Dims[axis])
	if err != nil {
		return nil, err
	}
	walks := make([]Walk, len(sizes))
	at := 0
	for i, d := range sizes {
		if walks[i], err = splitWalk(c, axis, at, d.Size); err != nil {
			return nil, err
		}
		at += d.Size
	}
	return walks, nil
}
