package op

import (
	"fmt"

	"autodeeplab/onnx/tensor"
)

// gatherRules covers the operator that takes slices by index along an axis.
var gatherRules = map[string]Rule{"Gather": gather}

// gather refuses constant indices that are out of range; those that come with a run the kernel checks.
func gather(c *Call) error {
	x, indices := c.In[0], c.In[1]
	if !x.HasRank() {
		return nil
	}
	axis, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	if n := x.Dims[axis]; n.IsKnown() && indices.Value != nil {
		if err := checkIndices(indices.Value, n.Size); err != nil {
			return fmt.Errorf("input %q: %w along axis %d of input %q, %s", c.InputName(1), err, axis, c.InputName(0), x)
		}
	}
	if !indices.HasRank() {
		return nil
	}
	out := &c.Out[0]
	out.Dims = append(append(append([]Dim{}, x.Dims[:axis]...), indices.Dims...), x.Dims[axis+1:]...)
	sizes, ok := out.Sizes()
	if !ok || indices.Value == nil || x.Value == nil && x.Shape == nil {
		return nil
	}
	n, err := tensor.NumElems(sizes)
	if err != nil || !c.mayFold(x.DType, n) || x.Value == nil && len(sizes) > 1 {
		return nil
	}
	c.carryIndices(out, x, gathered(x, indices.Value, axis, n))
	return nil
}

// checkIndices makes sure that every index counts from either end of an axis of n.
func checkIndices(t *tensor.Tensor, n int) error {
	at, v, ok := 0, int64(0), true
	switch d := t.Data.(type) {
	case []int64:
		at, ok = outside(d, n)
		if !ok {
			v = d[at]
		}
	case []int32:
		at, ok = outside(d, n)
		if !ok {
			v = int64(d[at])
		}
	}
	if !ok {
		return fmt.Errorf("index #%d is %d, want %d to %d", at, v, -n, n-1)
	}
	return nil
}

func outside[T int32 | int64](indices []T, n int) (at int, ok bool) {
	for k, v := range indices {
		if int64(v) < -int64(n) || int64(v) >= int64(n) {
			return k, false
		}
	}
	return 0, true
}

// gathered lists the n elements of x that the (checked) indices name.
func gathered(x *Info, indices *tensor.Tensor, axis, n int) []int {
	along, _ := indices.Ints()
	sizes, _ := x.Sizes()
	inner, _ := tensor.NumElems(sizes[axis+1:])
	outer, _ := tensor.NumElems(sizes[:axis])
	list := make([]int, 0, n)
	if n == 0 {
		return list
	}
	for o := range outer {
		for _, k := range along {
			if k < 0 {
				k += sizes[axis]
			}
			for i := range inner {
				list = append(list, (o*sizes[axis]+k)*inner+i)
			}
		}
	}
	return list
}
