package op

import (
	"fmt"
	"math"
)

// binaryRules covers the operators whose inputs broadcast as NumPy's do (opset 7 and later).
var binaryRules = map[string]Rule{
	"Add": arithmetic(addInts, func(x, y float64) float64 { return x + y }),
	"Sub": arithmetic(subInts, func(x, y float64) float64 { return x - y }),
	"Mul": arithmetic(mulInts, func(x, y float64) float64 { return x * y }),
	"Div": arithmetic(divInts, func(x, y float64) float64 { return x / y }),
	"Min": arithmetic(minInts, math.Min), "Max": arithmetic(maxInts, math.Max),
	"Equal":   comparison(equalInts),
	"Greater": comparison(func(x, y element) element { return lessInts(y, x) }), "Less": comparison(lessInts),
	"GreaterOrEqual": comparison(func(x, y element) element { return notInt(lessInts(x, y)) }),
	"LessOrEqual":    comparison(func(x, y element) element { return notInt(lessInts(y, x)) }),
	"And":            comparison(andInts), "Or": comparison(orInts),
	"Pow": powRule, "PRelu": preluRule,
}

// broadcastOut gives output 0 the shape to which all inputs broadcast.
func broadcastOut(c *Call) error {
	dims := []Dim{}
	for i, in := range c.In {
		if in.Dims == nil {
			return nil
		}
		var err error
		if dims, err = broadcastDims(dims, in.Dims); err != nil {
			return fmt.Errorf("input %q of shape %s does not broadcast with the others: %w", c.InputName(i), in, err)
		}
	}
	c.Out[0].Dims = dims
	return nil
}

// broadcastDims joins two shapes. Where one dimension is 1 the other counts; where one is known and greater than 1 it
// counts, since an unknown one must be equal or 1.
func broadcastDims(a, b []Dim) ([]Dim, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]Dim{}, a...)
	for i := range b {
		k := len(a) - len(b) + i
		x, y := a[k], b[i]
		switch {
		case x == y || y == Known(1):
		case x == Known(1):
			out[k] = y
		case x.IsKnown() && y.IsKnown():
			return nil, fmt.Errorf("%d and %d are neither equal nor 1 (dimension %d of the result)", x.Size, y.Size, k)
		case y.IsKnown():
			out[k] = y
		case !x.IsKnown():
			out[k] = Named("")
		}
	}
	return out, nil
}

// powRule: the result is of the base's type, whatever the exponent's.
func powRule(c *Call) error {
	c.Out[0].DType = c.In[0].DType
	return broadcastOut(c)
}

// preluRule lets the slope broadcast to the data, but not the data to the slope.
func preluRule(c *Call) error {
	x, slope := c.In[0], c.In[1]
	c.Out[0].Dims = SameDims(x)
	if x.Dims == nil || slope.Dims == nil {
		return nil
	}
	dims, err := broadcastDims(x.Dims, slope.Dims)
	if err != nil {
		return fmt.Errorf("slope of shape %s does not broadcast to X of shape %s: %w", slope, x, err)
	}
	wider := len(dims) > len(x.Dims)
	for k := 0; !wider && k < len(dims); k++ {
		wider = dims[k].IsKnown() && x.Dims[k].IsKnown() && dims[k] != x.Dims[k]
	}
	if wider {
		return fmt.Errorf("slope of shape %s does not broadcast to X of shape %s", slope, x)
	}
	return nil
}

// arithmetic broadcasts and computes known contents from left to right: Min and Max take any number of inputs.
func arithmetic(ints func(x, y element) element, floats func(x, y float64) float64) Rule {
	return func(c *Call) error {
		if err := broadcastOut(c); err != nil {
			return err
		}
		if c.In[0].DType.IsFloat() {
			c.foldFloats(func(args []float64) float64 {
				x := args[0]
				for _, y := range args[1:] {
					x = floats(x, y)
				}
				return x
			})
			return nil
		}
		c.foldInts(func(args []*element) element {
			x := *args[0]
			for _, y := range args[1:] {
				x = ints(x, *y)
			}
			return x
		})
		return nil
	}
}

func comparison(f func(x, y element) element) Rule {
	return func(c *Call) error {
		if err := broadcastOut(c); err != nil {
			return err
		}
		c.foldInts(func(args []*element) element { return f(*args[0], *args[1]) })
		return nil
	}
}

// The operations on elements. What comes from an unknown element is unknown, except where the operation cannot change
// it (x + 0, x · 1, …) or the other one settles the matter. A named element is a dimension, so it is not negative.

func is(x element, v int) bool { return x.known && x.v == v }

func addInts(x, y element) element {
	switch {
	case is(y, 0):
		return x
	case is(x, 0):
		return y
	case !x.known || !y.known:
		return element{}
	}
	if s := x.v + y.v; (s > x.v) == (y.v > 0) {
		return number(s)
	}
	return element{}
}

func subInts(x, y element) element {
	switch {
	case is(y, 0):
		return x
	case !x.known || !y.known:
		return element{}
	}
	if s := x.v - y.v; (s < x.v) == (y.v > 0) {
		return number(s)
	}
	return element{}
}

func mulInts(x, y element) element {
	switch {
	case is(y, 1) || is(x, 0):
		return x
	case is(x, 1) || is(y, 0):
		return y
	case !x.known || !y.known || x.v == math.MinInt || y.v == math.MinInt:
		return element{}
	}
	if p := x.v * y.v; p/y.v == x.v {
		return number(p)
	}
	return element{}
}

// divInts truncates. Division by zero is left to the run, which refuses it.
func divInts(x, y element) element {
	switch {
	case is(y, 1):
		return x
	case !x.known || !y.known || y.v == 0 || y.v == -1 && x.v == math.MinInt:
		return element{}
	}
	return number(x.v / y.v)
}

func minInts(x, y element) element {
	switch {
	case x.known && y.known:
		return number(min(x.v, y.v))
	case x.known && x.v <= 0 && y.name != "":
		return x
	case y.known && y.v <= 0 && x.name != "":
		return y
	case x == y && x.name != "":
		return x
	}
	return element{}
}

func maxInts(x, y element) element {
	switch {
	case x.known && y.known:
		return number(max(x.v, y.v))
	case x.known && x.v <= 0 && y.name != "":
		return y
	case y.known && y.v <= 0 && x.name != "":
		return x
	case x == y && x.name != "":
		return x
	}
	return element{}
}

func equalInts(x, y element) element {
	switch {
	case x.known && y.known:
		return truth(x.v == y.v)
	case x == y && x.name != "":
		return truth(true)
	case x.known && x.v < 0 && y.name != "", y.known && y.v < 0 && x.name != "":
		return truth(false)
	}
	return element{}
}

func lessInts(x, y element) element {
	switch {
	case x.known && y.known:
		return truth(x.v < y.v)
	case x == y && x.name != "":
		return truth(false)
	case x.known && x.v < 0 && y.name != "":
		return truth(true)
	case y.known && y.v <= 0 && x.name != "":
		return truth(false)
	}
	return element{}
}

func andInts(x, y element) element {
	switch {
	case is(x, 0) || is(y, 0):
		return truth(false)
	case x.known && y.known:
		return truth(true)
	}
	return element{}
}

func orInts(x, y element) element { return notInt(andInts(notInt(x), notInt(y))) }
