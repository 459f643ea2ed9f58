package op

import "fmt"

// expandRules covers the operators that repeat a tensor: Expand along axes of size 1, Tile along any.
var expandRules = map[string]Rule{"Expand": expand, "Tile": tile}

// expand broadcasts both ways, as ONNX has it: a 1 in the shape that is asked for leaves the input's dimension alone, and
// the shape may have fewer dimensions than the input.
func expand(c *Call) error {
	target, exact, ok, err := c.shapeInput(1)
	if err != nil {
		return err
	}
	for _, v := range exact {
		if v < 0 {
			return fmt.Errorf("input %q is %v, want sizes of 0 or more", c.InputName(1), exact)
		}
	}
	x := c.In[0]
	if !ok || !x.HasRank() {
		return nil
	}
	rank := max(x.Rank(), len(target))
	dims := make([]Dim, rank)
	for k := range dims {
		from, to := Known(1), Known(1)
		if i := k - rank + x.Rank(); i >= 0 {
			from = x.Dims[i]
		}
		if i := k - rank + len(target); i >= 0 {
			to = target[i]
		}
		if dims[k], ok = expandDim(from, to); !ok {
			return fmt.Errorf("input %q, %s, does not broadcast with the shape %v: dimension %d from the end is %s against %s", c.InputName(0), x, target, rank-k, from, to)
		}
	}
	c.Out[0].Dims = dims
	return c.carry(&c.Out[0], x, func() (Walk, error) { return ExpandWalk(c) })
}

// expandDim broadcasts one dimension with the size that is asked for; ok is false if neither is 1 and they differ.
func expandDim(from, to Dim) (d Dim, ok bool) {
	switch {
	case from.Size == 1:
		return to, true
	case to.Size == 1:
		return from, true
	case from.IsKnown() && to.IsKnown():
		return from, from.Size == to.Size
	case from.IsKnown(): // not 1, so to can only be 1 or the same
		return from, true
	case to.IsKnown() || from == to:
		return to, true
	}
	return Named(""), true
}

// ExpandWalk says where the output of Expand lies in its input. Dimensions and contents of the inputs must be known.
func ExpandWalk(c *Call) (Walk, error) {
	shape, ok := c.In[0].Sizes()
	target, known := c.In[1].Ints()
	if !ok || !known {
		return Walk{}, errUnknown
	}
	rank := max(len(shape), len(target))
	w := Walk{Sizes: make([]int, rank), Steps: make([]int, rank)}
	steps := rowMajor(shape)
	for k := range w.Sizes {
		from, to := 1, 1
		if i := k - rank + len(shape); i >= 0 {
			from, w.Steps[k] = shape[i], steps[i]
		}
		if i := k - rank + len(target); i >= 0 {
			to = target[i]
		}
		d, ok := expandDim(Known(from), Known(to))
		if !ok || to < 0 {
			return Walk{}, fmt.Errorf("input %q, %s, does not broadcast with the shape %v", c.InputName(0), c.In[0], target)
		}
		w.Sizes[k] = d.Size
		if from == 1 {
			w.Steps[k] = 0
		}
	}
	return w, nil
}

// tile multiplies each dimension by its repeats; a name times 1 stays a name.
func tile(c *Call) error {
	repeats, exact, ok, err := c.shapeInput(1)
	if err != nil {
		return err
	}
	for _, v := range exact {
		if v < 0 {
			return fmt.Errorf("input %q is %v, want numbers of 0 or more", c.InputName(1), exact)
		}
	}
	x := c.In[0]
	if !x.HasRank() {
		if ok {
			c.Out[0].Dims = unknownDims(len(repeats))
		}
		return nil
	}
	if !ok {
		repeats = unknownDims(x.Rank())
	}
	if len(repeats) != x.Rank() {
		return fmt.Errorf("input %q has %d numbers, want %d, one for each dimension of %s", c.InputName(1), len(repeats), x.Rank(), x)
	}
	dims := make([]Dim, x.Rank())
	for k, d := range x.Dims {
		if dims[k], err = product([]Dim{d, repeats[k]}); err != nil {
			return err
		}
	}
	c.Out[0].Dims = dims
	return c.carry(&c.Out[0], x, func() (Walk, error) { return TileWalk(c) })
}

// TileWalk says where the output of Tile lies in its input: each of its dimensions is walked as two, the repeats and
// the input's own. Dimensions and contents of the inputs must be known.
func TileWalk(c *Call) (Walk, error) {
	shape, ok := c.In[0].Sizes()
	repeats, known := c.In[1].Ints()
	if !ok || !known || len(repeats) != len(shape) {
		return Walk{}, errUnknown
	}
	w := Walk{}
	steps := rowMajor(shape)
	for k, n := range shape {
		w.Sizes = append(w.Sizes, repeats[k], n)
		w.Steps = append(w.Steps, 0, steps[k])
	}
	return w, nil
}
