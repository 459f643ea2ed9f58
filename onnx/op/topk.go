package op

import "fmt"

// topkRules covers TopK.
var topkRules = map[string]Rule{"TopK": topK}

func topK(c *Call) error {
	for _, name := range []string{"largest", "sorted"} {
		if _, err := c.flag(name); err != nil {
			return err
		}
	}
	k, err := topKCount(c)
	if err != nil {
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
	if n := x.Dims[axis]; k.IsKnown() && n.IsKnown() && k.Size > n.Size {
		return fmt.Errorf("%d values are wanted, but axis %d of input %q, %s, has only %d", k.Size, axis, c.InputName(0), x, n.Size)
	}
	for i := range c.Out {
		dims := SameDims(x)
		dims[axis] = k
		c.Out[i].Dims = dims
	}
	return nil
}

// topKCount finds how many values are wanted: an attribute before opset 10, an input since.
func topKCount(c *Call) (Dim, error) {
	n := c.Attrs.Int("k")
	if in := c.Input(1); in != nil {
		if in.HasRank() && (in.Rank() > 1 || in.Rank() == 1 && in.Dims[0].IsKnown() && in.Dims[0].Size != 1) {
			return Dim{}, fmt.Errorf("input %q is %s, want a single number", c.InputName(1), in)
		}
		v, ok := in.Ints()
		if !ok || len(v) != 1 {
			if d, ok := in.PartialInts(); ok && len(d) == 1 {
				return d[0], nil
			}
			return Named(""), nil
		}
		n = v[0]
	}
	if n < 0 {
		return Dim{}, fmt.Errorf("%d values are wanted, want 0 or more", n)
	}
	return Known(n), nil
}
