package op

import (
	"errors"
	"fmt"
	"math"

	"autodeeplab/onnx/tensor"
)

// rangeRules covers the operator that makes arithmetic progressions.
var rangeRules = map[string]Rule{"Range": rangeRule}

// rangeRule counts the elements before anything is made of them: hostile bounds are refused by their number.
func rangeRule(c *Call) error {
	out := &c.Out[0]
	out.Dims = unknownDims(1)
	known := true
	for i, in := range c.In {
		if in.HasRank() {
			if n, err := product(in.Dims); err != nil || in.Rank() > 1 || n.IsKnown() && n.Size != 1 {
				return fmt.Errorf("input %q is %s, want a scalar", c.InputName(i), in)
			}
		}
		known = known && in.Value != nil
	}
	if !known {
		return rangeDims(c)
	}
	start, limit, delta := c.In[0].Value, c.In[1].Value, c.In[2].Value
	var n int
	var err error
	switch s := start.Data.(type) {
	case []float32:
		n, err = countFloats(s[0], tensor.Data[float32](limit)[0], tensor.Data[float32](delta)[0], c.Limits.MaxElems)
	case []float64:
		n, err = countFloats(s[0], tensor.Data[float64](limit)[0], tensor.Data[float64](delta)[0], c.Limits.MaxElems)
	default:
		n, err = countInts(start, limit, delta)
	}
	if err != nil {
		return err
	}
	out.Dims = []Dim{Known(n)}
	if !c.mayFold(start.DType, n) {
		return nil
	}
	v := &tensor.Tensor{DType: start.DType, Shape: []int{n}}
	switch s := start.Data.(type) {
	case []float32:
		v.Data = progression(s[0], tensor.Data[float32](delta)[0], n)
	case []float64:
		v.Data = progression(s[0], tensor.Data[float64](delta)[0], n)
	case []int16:
		v.Data = progression(s[0], tensor.Data[int16](delta)[0], n)
	case []int32:
		v.Data = progression(s[0], tensor.Data[int32](delta)[0], n)
	case []int64:
		v.Data = progression(s[0], tensor.Data[int64](delta)[0], n)
	}
	out.Value = v
	return nil
}

// rangeDims is the rule for inputs that are not all constants: Range(0, N, 1) has N elements.
func rangeDims(c *Call) error {
	start, okS := c.In[0].Ints()
	delta, okD := c.In[2].Ints()
	if okD && len(delta) == 1 && delta[0] == 0 {
		return errNoStep
	}
	if !okS || !okD || len(start) != 1 || len(delta) != 1 || start[0] != 0 || delta[0] != 1 {
		return nil
	}
	if limit, ok := elements(c.In[1], 1); ok && len(limit) == 1 && limit[0].Name != "" {
		c.Out[0].Dims[0] = limit[0]
	}
	return nil
}

var errNoStep = errors.New("input \"delta\" is 0, want another number")

// countInts counts start, start+delta, … short of limit.
func countInts(start, limit, delta *tensor.Tensor) (int, error) {
	s, _ := start.Ints()
	l, _ := limit.Ints()
	d, _ := delta.Ints()
	if len(s) != 1 || len(l) != 1 || len(d) != 1 {
		return 0, errUnknown
	}
	from, to, step := int64(s[0]), int64(l[0]), int64(d[0])
	// Differences of int64 fit a uint64, whose arithmetic wraps where an int64's would overflow.
	var n uint64
	switch {
	case step == 0:
		return 0, errNoStep
	case step > 0 && from < to:
		n = (uint64(to)-uint64(from)-1)/uint64(step) + 1
	case step < 0 && from > to:
		n = (uint64(from)-uint64(to)-1)/-uint64(step) + 1
	}
	if n > math.MaxInt {
		return 0, fmt.Errorf("%w: the range from %d to %d by %d has %d elements", ErrLimit, from, to, step, n)
	}
	return int(n), nil
}

// countFloats is ONNX's formula, max(⌈(limit − start)/delta⌉, 0), with the quotient in double precision.
func countFloats[T float32 | float64](start, limit, delta T, most int) (int, error) {
	if delta == 0 {
		return 0, errNoStep
	}
	n := math.Ceil(float64(limit-start) / float64(delta))
	switch {
	case math.IsNaN(n):
		return 0, fmt.Errorf("the range from %g to %g by %g has no number of elements", start, limit, delta)
	case n > float64(most):
		return 0, fmt.Errorf("%w: the range from %g to %g by %g has %.0f elements, at most %d are allowed (--limit tensor-elements)", ErrLimit, start, limit, delta, n, most)
	}
	return int(max(n, 0)), nil
}

// progression computes start + i·delta for each i < n. The conversion keeps the product from being fused with the sum,
// which would round differently from one processor to the next.
func progression[T int16 | int32 | int64 | float32 | float64](start, delta T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = start + T(T(i)*delta)
	}
	return out
}
