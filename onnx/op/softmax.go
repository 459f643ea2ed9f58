package op

// softmaxRules covers the operators that keep the shape and normalise along an axis.
var softmaxRules = map[string]Rule{"Softmax": softmax, "LogSoftmax": softmax}

func softmax(c *Call) error {
	x := c.In[0]
	c.Out[0].Dims = SameDims(x)
	if !x.HasRank() {
		return nil
	}
	_, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), x.Rank())
	return err
}
