package exec

import (
	"math"
	"unsafe"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// isHalf reports whether d is one of the 16-bit floats, which no kernel computes in.
func isHalf(d tensor.DType) bool { return d == tensor.Float16 || d == tensor.BFloat16 }

// halves lets a kernel for float32 serve the 16-bit floats too: their tensors are widened before it runs and its
// results rounded after, so that sums and intermediate values have float32's precision.
func halves(k Kernel) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		wide := func(ts []*tensor.Tensor, fill bool) []*tensor.Tensor {
			list := append([]*tensor.Tensor{}, ts...)
			for i, t := range list {
				if t == nil || !isHalf(t.DType) {
					continue
				}
				w := &tensor.Tensor{DType: tensor.Float32, Shape: t.Shape}
				if fill {
					w.Data = floats[float32](t)
				} else {
					w.Data = make([]float32, t.NumElems())
				}
				list[i] = w
			}
			return list
		}
		wideOut := wide(out, false)
		if err := k.Run(c, wide(in, true), wideOut); err != nil {
			return err
		}
		for i, t := range out {
			if t != nil && isHalf(t.DType) {
				storeFloats(t, wideOut[i].Data.([]float32))
			}
		}
		return nil
	})
}

// floats reads a tensor of numbers as T: its own memory if it is of that type, else a converted copy. It is nil for a
// missing tensor.
func floats[T float32 | float64](t *tensor.Tensor) []T {
	if t == nil {
		return nil
	}
	switch d := t.Data.(type) {
	case []T:
		return d
	case []float32:
		return converted[T](d)
	case []float64:
		return converted[T](d)
	case []int8:
		return converted[T](d)
	case []int16:
		return converted[T](d)
	case []int32:
		return converted[T](d)
	case []int64:
		return converted[T](d)
	case []uint8:
		return converted[T](d)
	case []uint16:
		return converted[T](d)
	case []uint32:
		return converted[T](d)
	case []uint64:
		return converted[T](d)
	case []tensor.F16:
		out := make([]T, len(d))
		for i, v := range d {
			out[i] = T(v.Float32())
		}
		return out
	case []tensor.BF16:
		out := make([]T, len(d))
		for i, v := range d {
			out[i] = T(v.Float32())
		}
		return out
	}
	return nil
}

func converted[T, S kernel.Real](s []S) []T {
	out := make([]T, len(s))
	for i, v := range s {
		out[i] = T(v)
	}
	return out
}

// storeFloats writes v to a tensor of as many numbers or booleans: to integers rounded (halves to even) and clipped to
// what the type holds, with 0 for NaN.
func storeFloats[T float32 | float64](t *tensor.Tensor, v []T) {
	switch d := t.Data.(type) {
	case []float32:
		for i, x := range v {
			d[i] = float32(x)
		}
	case []float64:
		for i, x := range v {
			d[i] = float64(x)
		}
	case []tensor.F16:
		for i, x := range v {
			d[i] = tensor.ToF16(float32(x))
		}
	case []tensor.BF16:
		for i, x := range v {
			d[i] = tensor.ToBF16(float32(x))
		}
	case []bool:
		for i, x := range v {
			d[i] = x != 0
		}
	case []int8:
		saturate(d, v)
	case []int16:
		saturate(d, v)
	case []int32:
		saturate(d, v)
	case []int64:
		saturate(d, v)
	case []uint8:
		saturate(d, v)
	case []uint16:
		saturate(d, v)
	case []uint32:
		saturate(d, v)
	case []uint64:
		saturate(d, v)
	}
}

func saturate[D kernel.Real, S float32 | float64](dst []D, src []S) {
	least, greatest := kernel.Least[D](), kernel.Greatest[D]()
	for i, v := range src {
		switch x := math.RoundToEven(float64(v)); {
		case x != x:
			dst[i] = 0
		case x <= float64(least):
			dst[i] = least
		case x >= float64(greatest): // float64(MaxInt64) is 2⁶³, which would not convert
			dst[i] = greatest
		default:
			dst[i] = D(x)
		}
	}
}

// words gives the elements of a tensor that is only to be copied as []uint8, []uint16, []uint32 or []uint64, by width,
// over the same memory; strings stay []string.
func words(t *tensor.Tensor) any {
	switch d := t.Data.(type) {
	case []int8:
		return reinterpret[uint8](d)
	case []bool:
		return reinterpret[uint8](d)
	case []int16:
		return reinterpret[uint16](d)
	case []tensor.F16:
		return reinterpret[uint16](d)
	case []tensor.BF16:
		return reinterpret[uint16](d)
	case []float32:
		return reinterpret[uint32](d)
	case []int32:
		return reinterpret[uint32](d)
	case []float64:
		return reinterpret[uint64](d)
	case []int64:
		return reinterpret[uint64](d)
	}
	return t.Data
}

// reinterpret lays elements of type D over the memory of s. Both types must have the same size and no pointers.
func reinterpret[D, S any](s []S) []D {
	return unsafe.Slice((*D)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// known describes a node whose inputs' contents are there, for the functions of package op that work out its geometry.
func known(c *op.Call, in []*tensor.Tensor) *op.Call {
	k := *c
	k.In = make([]*op.Info, len(in))
	for i, t := range in {
		if t != nil {
			info := op.Const(t)
			k.In[i] = &info
		}
	}
	return &k
}

// around splits a shape at an axis: the elements before it, along it and behind it.
func around(shape []int, axis int) (outer, n, inner int) {
	outer, n, inner = 1, shape[axis], 1
	for _, d := range shape[:axis] {
		outer *= d
	}
	for _, d := range shape[axis+1:] {
		inner *= d
	}
	return outer, n, inner
}

// positive counts a negative axis from the end.
func positive(axis, rank int) int {
	if axis < 0 {
		return axis + rank
	}
	return axis
}
