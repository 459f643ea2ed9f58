package op

import (
	"math"

	"autodeeplab/onnx/tensor"
)

// Models with dynamic sizes compute shapes by arithmetic, such as (n − 1)·2 + 1 to double a grid whose corners stay
// aligned. This file computes the contents of such tensors element by element where they are known; propagate.go moves
// them about. Only what the kernels would compute is ever recorded: a result that its type cannot hold, which wraps
// around at run time, stays unknown.

// element is one element of an integer or boolean tensor: its contents, or the name of the dimension that it is.
type element struct {
	known bool
	v     int // 0 or 1 for a boolean
	name  string
}

func number(v int) element { return element{known: true, v: v} }

func truth(b bool) element {
	if b {
		return number(1)
	}
	return number(0)
}

// foldInts computes the integer or boolean output, whose shape is known, from the inputs' elements, which broadcast to
// it. f gets one element of each input, nil where that is left out.
func (c *Call) foldInts(f func(args []*element) element) {
	n, ok := c.foldable()
	if !ok {
		return
	}
	in := make([][]element, len(c.In))
	for i, info := range c.In {
		if info == nil {
			continue
		}
		if in[i], ok = elementsOf(info, c.Limits.MaxFold); !ok {
			return
		}
	}
	at := c.broadcastIndices(n)
	args := make([]*element, len(in))
	result := make([]element, n)
	for k := range result {
		for i, list := range in {
			if list != nil {
				args[i] = &list[at[i][k]]
			}
		}
		result[k] = f(args)
	}
	setElements(&c.Out[0], result)
}

// foldFloats is foldInts for float32 inputs, all of whose contents have to be known, and a float32 output. f computes
// in float64; for one +, −, ·, / or square root, rounding its result is the same as computing in float32.
func (c *Call) foldFloats(f func(args []float64) float64) {
	n, ok := c.foldable()
	if !ok || c.Out[0].DType != tensor.Float32 {
		return
	}
	in := make([][]float32, len(c.In))
	for i, info := range c.In {
		if info == nil || info.Value == nil || info.Value.NumElems() > maxFoldFloats {
			return
		}
		if in[i] = tensor.Data[float32](info.Value); in[i] == nil {
			return
		}
	}
	at := c.broadcastIndices(n)
	args := make([]float64, len(in))
	result := make([]float32, n)
	for k := range result {
		for i, list := range in {
			args[i] = float64(list[at[i][k]])
		}
		result[k] = float32(f(args))
	}
	sizes, _ := c.Out[0].Sizes()
	c.Out[0].Value = &tensor.Tensor{DType: tensor.Float32, Shape: sizes, Data: result}
}

// foldable counts the elements of output 0, if its shape is known and it is small enough to compute at inference.
func (c *Call) foldable() (n int, ok bool) {
	sizes, ok := c.Out[0].Sizes()
	if !ok {
		return 0, false
	}
	n, err := tensor.NumElems(sizes)
	return n, err == nil && c.mayFold(c.Out[0].DType, n)
}

// broadcastIndices lists, for each input of known shape, its element behind each of the output's n elements.
func (c *Call) broadcastIndices(n int) [][]int {
	out, _ := c.Out[0].Sizes()
	all := make([][]int, len(c.In))
	for i, info := range c.In {
		if info == nil {
			continue
		}
		sizes, _ := info.Sizes()
		w := Walk{Sizes: out, Steps: make([]int, len(out))}
		steps := rowMajor(sizes)
		for k, size := range sizes {
			if size != 1 {
				w.Steps[len(out)-len(sizes)+k] = steps[k]
			}
		}
		all[i] = w.indices()
	}
	return all
}

// elementsOf gives the contents of an integer or boolean tensor, as far as they are known, in row-major order; ok is
// false where nothing is known of them or there are more than limit.
func elementsOf(i *Info, limit int) (list []element, ok bool) {
	if i.Value != nil {
		if i.Value.NumElems() > limit {
			return nil, false
		}
		v, err := i.Value.Ints()
		if err != nil {
			return nil, false
		}
		list = make([]element, len(v))
		for k, x := range v {
			list[k] = number(x)
		}
		return list, true
	}
	if i.Shape == nil || len(i.Shape) > limit || listLen(i) != len(i.Shape) {
		return nil, false
	}
	list = make([]element, 0, len(i.Shape))
	for _, d := range i.Shape {
		if d.IsKnown() {
			list = append(list, number(d.Size))
		} else {
			list = append(list, element{name: d.Name})
		}
	}
	return list, true
}

// setElements records the contents of an output whose shape is known: as a constant if all are known and fit the type,
// else, for a list or scalar of integers, as dimensions. A Dim cannot carry a negative number, so one among unknown
// elements becomes unknown too.
func setElements(out *Info, list []element) {
	all, some := true, false
	dims := make([]Dim, len(list))
	for k, e := range list {
		switch {
		case e.known && !fitsType(e.v, out.DType):
			dims[k], all = Named(""), false
			continue
		case e.known && e.v >= 0:
			dims[k] = Known(e.v)
		default:
			dims[k] = Named(e.name)
		}
		all = all && e.known
		some = some || dims[k] != Named("")
	}
	sizes, _ := out.Sizes()
	if !all {
		if some && len(sizes) < 2 && out.DType.IsInt() {
			out.Shape = dims
		}
		return
	}
	t, err := tensor.New(out.DType, sizes)
	if err != nil {
		return
	}
	switch d := t.Data.(type) {
	case []int8:
		fill(d, list)
	case []int16:
		fill(d, list)
	case []int32:
		fill(d, list)
	case []int64:
		fill(d, list)
	case []uint8:
		fill(d, list)
	case []uint16:
		fill(d, list)
	case []uint32:
		fill(d, list)
	case []uint64:
		fill(d, list)
	case []bool:
		for k, e := range list {
			d[k] = e.v != 0
		}
	default:
		return
	}
	out.Value = t
}

func fill[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst []T, list []element) {
	for k, e := range list {
		dst[k] = T(e.v)
	}
}

// fitsType reports whether an integer type holds v.
func fitsType(v int, d tensor.DType) bool {
	switch d {
	case tensor.Int8:
		return int(int8(v)) == v
	case tensor.Int16:
		return int(int16(v)) == v
	case tensor.Int32:
		return int(int32(v)) == v
	case tensor.Int64:
		return true
	case tensor.Uint8:
		return int(uint8(v)) == v
	case tensor.Uint16:
		return int(uint16(v)) == v
	case tensor.Uint32:
		return v >= 0 && v <= math.MaxUint32
	case tensor.Uint64:
		return v >= 0
	case tensor.Bool:
		return v == 0 || v == 1
	}
	return false
}
