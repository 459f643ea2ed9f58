package op

import "math"

// unaryRules covers the operators that keep type and shape of their only input.
var unaryRules = map[string]Rule{
	"Abs": mapRule(absInt, math.Abs), "Neg": mapRule(negInt, func(x float64) float64 { return -x }),
	"Sqrt": mapRule(nil, math.Sqrt), "Floor": mapRule(nil, math.Floor), "Ceil": mapRule(nil, math.Ceil),
	"Round": mapRule(nil, math.RoundToEven), "Relu": mapRule(reluInt, nil), "Not": mapRule(notInt, nil),
	"Exp": sameShape, "Log": sameShape, "Erf": sameShape, "Sigmoid": sameShape, "Tanh": sameShape, "Gelu": sameShape,
	"LeakyRelu": sameShape, "HardSwish": sameShape, "HardSigmoid": sameShape,
}

func sameShape(c *Call) error {
	c.Out[0].Dims = SameDims(c.In[0])
	return nil
}

// mapRule is sameShape that also computes known contents, of integers and booleans by ints, of float32 by floats; nil
// leaves them to the run.
func mapRule(ints func(x element) element, floats func(float64) float64) Rule {
	return func(c *Call) error {
		c.Out[0].Dims = SameDims(c.In[0])
		switch isFloat := c.In[0].DType.IsFloat(); {
		case isFloat && floats != nil:
			c.foldFloats(func(args []float64) float64 { return floats(args[0]) })
		case !isFloat && ints != nil:
			c.foldInts(func(args []*element) element { return ints(*args[0]) })
		}
		return nil
	}
}

func absInt(x element) element {
	if !x.known {
		return x.ifNatural()
	}
	if x.v < 0 {
		return negInt(x)
	}
	return x
}

func negInt(x element) element {
	if !x.known || x.v == math.MinInt {
		return element{}
	}
	return number(-x.v)
}

func reluInt(x element) element {
	if !x.known {
		return x.ifNatural()
	}
	return number(max(x.v, 0))
}

func notInt(x element) element {
	if !x.known {
		return element{}
	}
	return number(1 - x.v)
}

// ifNatural gives an unknown element for itself if it is known not to be negative: a named one is a dimension.
func (x element) ifNatural() element {
	if x.name != "" {
		return x
	}
	return element{}
}
