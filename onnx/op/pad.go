package op

import "fmt"

// padRules covers the operator that adds a margin to a tensor or crops one off.
var padRules = map[string]Rule{"Pad": pad}

// maxPad bounds each pad so that sums of pads and sizes do not overflow.
const maxPad = 1 << 40

// PadAxis is one axis of Pad: elements added before and after it, or cropped where negative. Cropping comes first: the
// modes that repeat the input's elements repeat what is left of them.
type PadAxis struct {
	Before, After int
}

// pad adds both pads to each axis. Where the pads are not known, but the axes are, the other axes keep their sizes.
func pad(c *Call) error {
	if err := checkPadMode(c); err != nil {
		return err
	}
	pads, axes, err := padLists(c)
	if err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	c.Out[0].Dims = SameDims(x)
	if !axes.known {
		c.Out[0].Dims = unknownDims(x.Rank())
		return nil
	}
	if pads.known {
		list, err := padAxes(x.Rank(), pads, axes)
		if err != nil {
			return err
		}
		for k, p := range list {
			if c.Out[0].Dims[k], err = padded(c, k, p); err != nil {
				return err
			}
		}
		return nil
	}
	which, err := normalAxes(axes.what, axes.v, x.Rank())
	if err != nil {
		return err
	}
	if !axes.given {
		c.Out[0].Dims = unknownDims(x.Rank())
	}
	for _, k := range which {
		c.Out[0].Dims[k] = Named("")
	}
	return nil
}

func checkPadMode(c *Call) error {
	modes := []string{"constant", "reflect", "edge"}
	if c.Opset >= 19 {
		modes = append(modes, "wrap")
	}
	mode := c.Attrs.String("mode")
	for _, m := range modes {
		if m == mode {
			return nil
		}
	}
	return fmt.Errorf("attribute \"mode\" is %q, want one of %v", mode, modes)
}

func padLists(c *Call) (pads, axes intList, err error) {
	if pads, err = c.intList("pads"); err != nil {
		return pads, axes, err
	}
	if axes, err = c.intList("axes"); err != nil {
		return pads, axes, err
	}
	if fill := c.Input(2); fill != nil && fill.HasRank() {
		if n, err := product(fill.Dims); err != nil || n.IsKnown() && n.Size != 1 {
			return pads, axes, fmt.Errorf("input %q is %s, want a scalar", c.InputName(2), fill)
		}
	}
	return pads, axes, nil
}

// padAxes gives the pads of every axis: the list has first all those before, then all those after.
func padAxes(rank int, pads, axes intList) ([]PadAxis, error) {
	which := make([]int, rank)
	for k := range which {
		which[k] = k
	}
	if axes.given {
		var err error
		if which, err = normalAxes(axes.what, axes.v, rank); err != nil {
			return nil, err
		}
	}
	n := len(which)
	if len(pads.v) != 2*n {
		return nil, fmt.Errorf("%s has %d elements, want %d, two for each of %d axes", pads.what, len(pads.v), 2*n, n)
	}
	out := make([]PadAxis, rank)
	for i, k := range which {
		out[k] = PadAxis{Before: pads.v[i], After: pads.v[n+i]}
		if min(out[k].Before, out[k].After) < -maxPad || max(out[k].Before, out[k].After) > maxPad {
			return nil, fmt.Errorf("%w: %s is %v, want numbers from %d to %d", ErrLimit, pads.what, pads.v, -maxPad, maxPad)
		}
	}
	return out, nil
}

// padded is the size of axis k with its pads.
func padded(c *Call, k int, p PadAxis) (Dim, error) {
	d := c.In[0].Dims[k]
	switch {
	case p == PadAxis{}:
		return d, nil
	case !d.IsKnown():
		return Named(""), nil
	case d.Size > c.Limits.MaxElems:
		return d, fmt.Errorf("%w: axis %d of input %q, %s, has more than %d elements (--limit tensor-elements)", ErrLimit, k, c.InputName(0), c.In[0], c.Limits.MaxElems)
	}
	n := d.Size + p.Before + p.After
	// left is what cropping leaves. A constant margin does without, the other modes need an element to repeat.
	left := d.Size + min(p.Before, 0) + min(p.After, 0)
	switch {
	case n < 0:
		return d, fmt.Errorf("pads %d and %d of axis %d crop more than its %d elements", p.Before, p.After, k, d.Size)
	case n > 0 && left <= 0 && c.Attrs.String("mode") != "constant":
		return d, fmt.Errorf("mode %q has nothing to repeat: pads %d and %d leave none of the %d elements of axis %d", c.Attrs.String("mode"), p.Before, p.After, d.Size, k)
	}
	return Known(n), nil
}

// PadAxes gives the pads of every axis of input 0. Dimensions and contents of the inputs must be known.
func PadAxes(c *Call) ([]PadAxis, error) {
	pads, axes, err := padLists(c)
	if err != nil {
		return nil, err
	}
	if !pads.known || !axes.known || !c.In[0].HasRank() {
		return nil, errUnknown
	}
	return padAxes(c.In[0].Rank(), pads, axes)
}
