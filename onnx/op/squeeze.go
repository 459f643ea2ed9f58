package op

import "fmt"

// squeezeRules covers the operators that drop and insert dimensions of size 1.
var squeezeRules = map[string]Rule{"Squeeze": squeeze, "Unsqueeze": unsqueeze}

// squeeze drops the listed axes; without a list (which an empty list is not) all that are 1, so that an unknown
// dimension leaves even the rank open.
func squeeze(c *Call) error {
	axes, err := c.intList("axes")
	if err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	out := &c.Out[0]
	switch {
	case !axes.known:
		if axes.n > x.Rank() {
			return fmt.Errorf("%s has %d elements for an input of %d dimensions", axes.what, axes.n, x.Rank())
		}
		if axes.n >= 0 {
			out.Dims = unknownDims(x.Rank() - axes.n)
		}
		return nil
	case !axes.given:
		dims := []Dim{}
		for _, d := range x.Dims {
			if !d.IsKnown() {
				return nil // it may be 1: not even the rank is known
			}
			if d.Size != 1 {
				dims = append(dims, d)
			}
		}
		out.Dims = dims
	default:
		which, err := normalAxes(axes.what, axes.v, x.Rank())
		if err != nil {
			return err
		}
		drop := make([]bool, x.Rank())
		for _, k := range which {
			if d := x.Dims[k]; d.IsKnown() && d.Size != 1 {
				return fmt.Errorf("axis %d of input %q, %s, is to be dropped, but is %d long, want 1", k, c.InputName(0), x, d.Size)
			}
			drop[k] = true
		}
		out.Dims = []Dim{}
		for k, d := range x.Dims {
			if !drop[k] {
				out.Dims = append(out.Dims, d)
			}
		}
	}
	sameContents(out, x)
	return nil
}

// unsqueeze counts axes in the output, as ONNX does: the input's dimensions fill the places that the list leaves.
func unsqueeze(c *Call) error {
	axes, err := c.intList("axes")
	if err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() || axes.n < 0 {
		return nil
	}
	if axes.n > c.Limits.MaxDims { // checked before adding, which might overflow; Infer checks the sum
		return fmt.Errorf("%w: %s has %d elements, at most %d dimensions are allowed (--limit dimensions)", ErrLimit, axes.what, axes.n, c.Limits.MaxDims)
	}
	rank := x.Rank() + axes.n
	out := &c.Out[0]
	if !axes.known {
		out.Dims = unknownDims(rank)
		return nil
	}
	which, err := normalAxes(axes.what, axes.v, rank)
	if err != nil {
		return err
	}
	out.Dims = make([]Dim, rank)
	for _, k := range which {
		out.Dims[k] = Known(1)
	}
	rest := x.Dims
	for k := range out.Dims {
		if out.Dims[k].Size == 0 { // not yet set: a 0 of x is only placed here
			out.Dims[k], rest = rest[0], rest[1:]
		}
	}
	sameContents(out, x)
	return nil
}
