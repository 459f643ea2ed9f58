package op

// unaryRules covers the operators that keep type and shape of their first input.
var unaryRules = map[string]Rule{
	"Abs": sameShape, "Neg": sameShape, "Sqrt": sameShape, "Exp": sameShape, "Log": sameShape, "Floor": sameShape,
	"Ceil": sameShape, "Round": sameShape, "Erf": sameShape, "Not": sameShape,
	"Relu": sameShape, "LeakyRelu": sameShape, "HardSwish": sameShape, "HardSigmoid": sameShape, "Sigmoid": sameShape,
	"Tanh": sameShape, "Gelu": sameShape,
}

func sameShape(c *Call) error {
	c.Out[0].Dims = SameDims(c.In[0])
	return nil
}
