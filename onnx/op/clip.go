package op

import "fmt"

var clipRules = map[string]Rule{"Clip": clipRule, "Dropout": dropoutRule}

func clipRule(c *Call) error {
	for i := 1; i < len(c.In); i++ {
		if c.Has(i) && c.In[i].HasRank() && c.In[i].Rank() != 0 && !isOne(c.In[i]) {
			return fmt.Errorf("input %q has shape %s, want a scalar", c.InputName(i), c.In[i])
		}
	}
	return sameShape(c)
}

// isOne reports whether a tensor is a list of one element, which exporters write for a scalar.
func isOne(i *Info) bool { return i.Rank() == 1 && i.Dims[0] == Known(1) }

func dropoutRule(c *Call) error {
	for i := range c.Out {
		c.Out[i].Dims = SameDims(c.In[0])
	}
	return nil
}
