package op

import (
	"fmt"
	"slices"
)

// reduceRules covers the operators that fold several axes into one value.
var reduceRules = map[string]Rule{"ReduceMean": reduce, "ReduceSum": reduce, "ReduceMax": reduce, "ReduceMin": reduce}

func reduce(c *Call) error {
	keep, err := c.flag("keepdims")
	if err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	if in := c.Input(1); in != nil {
		if in.HasRank() && in.Rank() > 1 {
			return fmt.Errorf("input %q is %s, want 1 dimension", c.InputName(1), in)
		}
		if _, ok := in.Ints(); !ok {
			return reduceSome(c, keep, in)
		}
	}
	reduced, err := ReduceAxes(c)
	if err != nil {
		return err
	}
	dims := []Dim{}
	for i, d := range x.Dims {
		switch {
		case !reduced[i]:
			dims = append(dims, d)
		case keep:
			dims = append(dims, Known(1))
		}
	}
	c.Out[0].Dims = dims
	return nil
}

// reduceSome is the rule for axes that are not known: at most their number is.
func reduceSome(c *Call, keep bool, axes *Info) error {
	rank := c.In[0].Rank()
	if !keep {
		if !axes.HasRank() || axes.Rank() == 0 || !axes.Dims[0].IsKnown() || axes.Dims[0].Size == 0 {
			return nil
		}
		if rank -= axes.Dims[0].Size; rank < 0 {
			return fmt.Errorf("input %q names %s axes, but input %q has only %d", c.InputName(1), axes.Dims[0], c.InputName(0), c.In[0].Rank())
		}
	}
	c.Out[0].Dims = make([]Dim, rank)
	for i := range c.Out[0].Dims {
		c.Out[0].Dims[i] = Named("")
	}
	return nil
}

// ReduceAxes says for each axis of input 0 whether a Reduce operator folds it. The rank must be known, and so must the
// contents of the input "axes" if there is one.
func ReduceAxes(c *Call) ([]bool, error) {
	noop, err := c.flag("noop_with_empty_axes")
	if err != nil {
		return nil, err
	}
	rank := c.In[0].Rank()
	what, axes := "attribute \"axes\"", c.Attrs.Ints("axes")
	if in := c.Input(1); in != nil {
		v, ok := in.Ints()
		if !ok {
			return nil, fmt.Errorf("the contents of input %q are not known", c.InputName(1))
		}
		what, axes = "input \"axes\"", v
	}
	reduced := make([]bool, rank)
	if len(axes) == 0 && !noop {
		for i := range reduced {
			reduced[i] = true
		}
	}
	for _, a := range axes {
		k, err := normalAxis(what, a, rank)
		if err != nil {
			return nil, err
		}
		if reduced[k] {
			return nil, fmt.Errorf("%s is %v, which names axis %d twice", what, axes, k)
		}
		reduced[k] = true
	}
	return reduced, nil
}

// normalAxis brings an axis in [-rank, rank) to [0, rank); what names it in the error.
func normalAxis(what string, axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		if rank == 0 {
			return 0, fmt.Errorf("%s is %d, but the input is a scalar, which has no axis", what, axis)
		}
		return 0, fmt.Errorf("%s is %d, want %d to %d for an input of %d dimensions", what, axis, -rank, rank-1, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// dropAxis gives dims without one of them, or with a 1 in its place.
func dropAxis(dims []Dim, axis int, keep bool) []Dim {
	if keep {
		out := slices.Clone(dims)
		out[axis] = Known(1)
		return out
	}
	return append(append([]Dim{}, dims[:axis]...), dims[axis+1:]...)
}
