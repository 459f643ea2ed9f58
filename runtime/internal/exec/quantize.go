package exec

import (
	"errors"
	"math"

	"autodeeplab/onnx/tensor"
)

// quantizeBinders covers linear quantisation, real = (stored − zero point) · scale, per tensor or per index of an axis.
// Blocked quantisation (opset 21) is refused.
var quantizeBinders = map[string]Binder{
	"QuantizeLinear": bindQuantize, "DequantizeLinear": bindDequantize, "DynamicQuantizeLinear": bindDynamicQuantize,
}

var errBlocked = errors.New("attribute block_size: blocked quantisation is not supported by the embedded runtime (per tensor and per axis are)")

func quantizedTypes(n *Node, input int) error {
	switch d := n.In[input].DType; d {
	case tensor.Uint8, tensor.Int8, tensor.Uint16, tensor.Int16:
		return nil
	}
	return ErrType(n, input, tensor.Uint8, tensor.Int8, tensor.Uint16, tensor.Int16)
}

func bindQuantize(n *Node) (Kernel, error) {
	if n.Attrs.Int("block_size") != 0 {
		return nil, errBlocked
	}
	switch n.In[0].DType {
	case tensor.Float32, tensor.Float16, tensor.BFloat16, tensor.Int32:
	default:
		return nil, ErrType(n, 0, tensor.Float32, tensor.Float16, tensor.BFloat16, tensor.Int32)
	}
	if n.Has(2) {
		if err := quantizedTypes(n, 2); err != nil {
			return nil, err
		}
	} else if d := n.Out[0].DType; d != tensor.Uint8 && d != tensor.Int8 && d != tensor.Uint16 && d != tensor.Int16 {
		return nil, errors.New("attribute output_dtype: the embedded runtime quantises to uint8, int8, uint16 and int16")
	}
	axis := n.Attrs.Int("axis")
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		x, scale, zero := floats[float32](in[0]), floats[float32](in[1]), zeroPoint(in, 2)
		index := channelOf(in[0].Shape, axis, len(scale))
		rounded := make([]float32, len(x))
		for i, v := range x {
			c := index(i)
			// Rounded before the zero point is added, both in float32, as the operator's definition says.
			rounded[i] = float32(math.RoundToEven(float64(v/scale[c]))) + zero(c)
		}
		storeFloats(out[0], rounded)
		return nil
	}), nil
}

func bindDequantize(n *Node) (Kernel, error) {
	if n.Attrs.Int("block_size") != 0 {
		return nil, errBlocked
	}
	if n.In[0].DType != tensor.Int32 {
		if err := quantizedTypes(n, 0); err != nil {
			return nil, err
		}
	}
	axis := n.Attrs.Int("axis")
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		x, scale, zero := floats[float64](in[0]), floats[float32](in[1]), zeroPoint(in, 2)
		index := channelOf(in[0].Shape, axis, len(scale))
		y := make([]float32, len(x))
		for i, v := range x {
			c := index(i)
			y[i] = float32(v-float64(zero(c))) * scale[c]
		}
		storeFloats(out[0], y)
		return nil
	}), nil
}

// zeroPoint reads the optional zero points, 0 where there are none.
func zeroPoint(in []*tensor.Tensor, input int) func(c int) float32 {
	if input >= len(in) || in[input] == nil {
		return func(int) float32 { return 0 }
	}
	z := floats[float32](in[input])
	return func(c int) float32 { return z[min(c, len(z)-1)] }
}

// channelOf maps an element to its index along an axis, or to 0 where there is one scale for all.
func channelOf(shape []int, axis, scales int) func(i int) int {
	if scales == 1 || len(shape) == 0 {
		return func(int) int { return 0 }
	}
	if axis < 0 {
		axis += len(shape)
	}
	_, n, inner := around(shape, axis)
	return func(i int) int { return i / inner % n }
}

// bindDynamicQuantize quantises to uint8 with a scale and zero point that cover the data and 0.
func bindDynamicQuantize(n *Node) (Kernel, error) {
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		x := tensor.Data[float32](in[0])
		var lo, hi float32
		for _, v := range x {
			lo, hi = min(lo, v), max(hi, v)
		}
		scale := (hi - lo) / 255
		zero := float32(0)
		if scale != 0 {
			zero = float32(math.RoundToEven(float64(max(0, min(255, -lo/scale)))))
		}
		rounded := make([]float32, len(x))
		for i, v := range x {
			if scale != 0 {
				rounded[i] = float32(math.RoundToEven(float64(v/scale))) + zero
			}
		}
		for i, v := range [][]float32{rounded, {scale}, {zero}} {
			if i < len(out) && out[i] != nil {
				storeFloats(out[i], v)
			}
		}
		return nil
	}), nil
}
