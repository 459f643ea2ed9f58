package op

import "fmt"

// argRules covers the operators that find where along an axis an extreme lies.
var argRules = map[string]Rule{"ArgMax": argReduce, "ArgMin": argReduce}

func argReduce(c *Call) error {
	keep, err := c.flag("keepdims")
	if err != nil {
		return err
	}
	if _, err := c.flag("select_last_index"); err != nil {
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
	if x.Dims[axis].Size == 0 {
		return fmt.Errorf("axis %d of input %q, %s, is empty: there is no extreme to find", axis, c.InputName(0), x)
	}
	c.Out[0].Dims = dropAxis(x.Dims, axis, keep)
	return nil
}
