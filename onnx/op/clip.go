package op

import "fmt"

// clipRules covers bounding, and Dropout, which changes nothing at inference.
var clipRules = map[string]Rule{"Clip": clipRule, "Dropout": dropoutRule}

// clipRule has its bounds as inputs from opset 11 on, as attributes before.
func clipRule(c *Call) error {
	for i := 1; i < len(c.In); i++ {
		if err := c.wantScalar(i); err != nil {
			return err
		}
	}
	c.Out[0].Dims = SameDims(c.In[0])
	if c.In[0].DType.IsInt() && len(c.In[0].Dims) > 0 { // a bound of one element must not make a scalar a list
		c.foldInts(func(args []*element) element {
			x := *args[0]
			if len(args) > 1 && args[1] != nil {
				x = maxInts(x, *args[1])
			}
			if len(args) > 2 && args[2] != nil {
				x = minInts(x, *args[2])
			}
			return x
		})
	}
	return nil
}

// wantScalar checks that input i, if it is there, has one element: a scalar, or the list of one that some exporters
// write for it.
func (c *Call) wantScalar(i int) error {
	in := c.Input(i)
	if in == nil || !in.HasRank() || in.Rank() == 0 || in.Rank() == 1 && (!in.Dims[0].IsKnown() || in.Dims[0].Size == 1) {
		return nil
	}
	return fmt.Errorf("input %q has shape %s, want a scalar", c.InputName(i), in)
}

// dropoutRule passes known contents on where no input could ask for training.
func dropoutRule(c *Call) error {
	for i := 1; i < len(c.In); i++ {
		if in := c.In[i]; in != nil && in.HasRank() && in.Rank() != 0 {
			return fmt.Errorf("input %q has shape %s, want a scalar", c.InputName(i), in)
		}
	}
	for i := range c.Out {
		c.Out[i].Dims = SameDims(c.In[0])
	}
	if !c.Has(2) && len(c.Out) == 1 {
		sameContents(&c.Out[0], c.In[0])
	}
	return nil
}
