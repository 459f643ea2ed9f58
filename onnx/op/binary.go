package op

import (
	"fmt"
	"math"

	"autodeeplab/onnx/tensor"
)

// binaryRules covers the operators whose inputs broadcast as NumPy's do (opset 7 and later).
var binaryRules = map[string]Rule{
	"Add": arithmetic(addInts), "Sub": arithmetic(subInts), "Mul": arithmetic(mulInts), "Div": arithmetic(divInts),
	"Min": arithmetic(minInts), "Max": arithmetic(maxInts),
	"Pow": broadcastRule, "PRelu": preluRule,
	"Equal": broadcastRule, "Greater": broadcastRule, "GreaterOrEqual": broadcastRule, "Less": broadcastRule,
	"LessOrEqual": broadcastRule, "And": broadcastRule, "Or": broadcastRule, "Where": broadcastRule,
}

func broadcastRule(c *Call) error {
	if c.Schema.Name == "Pow" {
		c.Out[0].DType = c.In[0].DType // of the base, whatever the exponent's
	}
	if c.Schema.Name == "Where" && c.In[1].DType != tensor.Undefined {
		c.Out[0].DType = c.In[1].DType
	}
	return setBroadcast(c)
}

// setBroadcast gives output 0 the shape to which all inputs broadcast.
func setBroadcast(c *Call) error {
	dims := c.In[0].Dims
	for i, in := range c.In {
		if dims == nil || in.Dims == nil {
			return nil
		}
		var err error
		if dims, err = broadcastDims(dims, in.Dims); err != nil {
			return fmt.Errorf("input %q of shape %s does not broadcast with the others: %w", c.InputName(i), in, err)
		}
	}
	c.Out[0].Dims = SameDims(&Info{Dims: dims})
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

func preluRule(c *Call) error {
	c.Out[0].Dims = SameDims(c.In[0])
	if c.In[0].Dims == nil || c.In[1].Dims == nil {
		return nil
	}
	dims, err := broadcastDims(c.In[0].Dims, c.In[1].Dims)
	if err != nil {
		return fmt.Errorf("slope of shape %s does not broadcast to %s: %w", c.In[1], c.In[0], err)
	}
	for i, d := range dims {
		if len(dims) != len(c.In[0].Dims) || d.IsKnown() && c.In[0].Dims[i].IsKnown() && d != c.In[0].Dims[i] {
			return fmt.Errorf("slope of shape %s does not broadcast to %s", c.In[1], c.In[0])
		}
	}
	return nil
}

// arithmetic is broadcastRule that also computes shape arithmetic: integer tensors whose contents are known, whole or
// in part.
func arithmetic(f func(a, b int) (int, bool)) Rule {
	return func(c *Call) error {
		if err := setBroadcast(c); err != nil {
			return err
		}
		if d := c.Out[0].DType; d != tensor.Int64 && d != tensor.Int32 {
			return nil
		}
		foldArithmetic(c, f)
		return nil
	}
}

// foldArithmetic computes lists and scalars element by element. An element that comes from an unknown one is unknown,
// but keeps its name where the operation cannot change it (x+0, x−0, x·1, x/1).
func foldArithmetic(c *Call, f func(a, b int) (int, bool)) {
	out := &c.Out[0]
	n := listLen(out)
	if n < 0 || n > c.Limits.MaxFold || len(c.In) != 2 {
		return
	}
	a, aKnown, ok := contents(c.In[0], c.Limits.MaxFold)
	b, bKnown, ok2 := contents(c.In[1], c.Limits.MaxFold)
	if !ok || !ok2 {
		return
	}
	values, known, names := make([]int, n), make([]bool, n), make([]string, n)
	for k := range values {
		i, j := min(k, len(a)-1), min(k, len(b)-1) // a list of one repeats
		switch {
		case aKnown[i] && bKnown[j]:
			values[k], known[k] = f(a[i].Size, b[j].Size)
		case bKnown[j] && neutral(c.Schema.Name, b[j].Size):
			names[k] = a[i].Name
		case aKnown[i] && commutes(c.Schema.Name) && neutral(c.Schema.Name, a[i].Size):
			names[k] = b[j].Name
		}
	}
	setExact(out, values, known, names)
}

// contents gives the elements of a list or scalar: exact says which are known (those may be negative).
func contents(i *Info, limit int) (v []Dim, exact []bool, ok bool) {
	n := listLen(i)
	if n < 0 || n > limit {
		return nil, nil, false
	}
	exact = make([]bool, n)
	if ints, all := i.Ints(); all {
		for k, x := range ints {
			v = append(v, Dim{Size: x})
			exact[k] = true
		}
		return v, exact, true
	}
	if i.Shape == nil {
		return nil, nil, false
	}
	for k, d := range i.Shape {
		v = append(v, d)
		exact[k] = d.IsKnown()
	}
	return v, exact, true
}

// setExact records contents: as a constant where all are known, else as dimensions.
func setExact(out *Info, values []int, known []bool, names []string) {
	dims := make([]Dim, len(values))
	all := true
	for k := range values {
		switch {
		case known[k] && values[k] >= 0:
			dims[k] = Known(values[k])
		default:
			dims[k] = Named(names[k])
		}
		all = all && known[k]
	}
	if !all {
		out.Shape = dims
		return
	}
	sizes, _ := out.Sizes()
	t, err := tensor.New(out.DType, sizes)
	if err != nil {
		return
	}
	for k, v := range values {
		switch d := t.Data.(type) {
		case []int64:
			d[k] = int64(v)
		case []int32:
			if v < math.MinInt32 || v > math.MaxInt32 {
				return // it overflows at run time, as the type does
			}
			d[k] = int32(v)
		}
	}
	out.Value = t
}

func neutral(op string, x int) bool {
	switch op {
	case "Add", "Sub":
		return x == 0
	case "Mul", "Div":
		return x == 1
	}
	return false
}

func commutes(op string) bool { return op == "Add" || op == "Mul" }

// The operations on known elements; ok is false where the result does not fit, or does not exist.

func addInts(a, b int) (int, bool) { s := a + b; return s, (s > a) == (b > 0) }

func subInts(a, b int) (int, bool) { s := a - b; return s, (s < a) == (b > 0) }

func mulInts(a, b int) (int, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	p := a * b
	return p, p/b == a && !(a == -1 && b == math.MinInt) && !(b == -1 && a == math.MinInt)
}

func divInts(a, b int) (int, bool) {
	if b == 0 || a == math.MinInt && b == -1 {
		return 0, false
	}
	return a / b, true
}

func minInts(a, b int) (int, bool) { return min(a, b), true }

func maxInts(a, b int) (int, bool) { return max(a, b), true }
