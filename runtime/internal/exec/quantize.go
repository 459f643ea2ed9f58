package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// quantizeBinders covers linear quantisation, real = (stored − zero point) · scale: per tensor, per index of an axis, and
// in blocks along an axis (opset 21).
var quantizeBinders = map[string]Binder{
	"QuantizeLinear": bindQuantize, "DequantizeLinear": bindDequantize, "DynamicQuantizeLinear": bindDynamicQuantize,
}

// bindQuantize: the quotient x/scale is rounded to the type that the attribute precision (opset 23) names, or else to the
// scale's. Data of int32 are divided in float64.
func bindQuantize(n *Node) (Kernel, error) {
	for i := range 2 {
		switch n.In[i].DType {
		case tensor.Float32, tensor.Float16, tensor.BFloat16, tensor.Int32:
		default:
			return nil, ErrType(n, i, tensor.Float32, tensor.Float16, tensor.BFloat16, tensor.Int32)
		}
	}
	precision := tensor.DType(n.Attrs.Int("precision"))
	switch {
	case precision != tensor.Undefined && !precision.IsFloat():
		return nil, fmt.Errorf("attribute precision is %s; the embedded runtime divides in float, double, float16 and bfloat16", precision)
	case precision != tensor.Undefined:
	case n.In[0].DType == tensor.Int32:
		precision = tensor.Float64
	default:
		precision = n.In[1].DType
	}
	switch d := n.Out[0].DType; d {
	case tensor.Uint8:
		return quantizeKernel[uint8](n, precision), nil
	case tensor.Int8:
		return quantizeKernel[int8](n, precision), nil
	case tensor.Uint16:
		return quantizeKernel[uint16](n, precision), nil
	case tensor.Int16:
		return quantizeKernel[int16](n, precision), nil
	default:
		return nil, fmt.Errorf("quantising to %s is not supported by the embedded runtime (uint8, int8, uint16 and int16 are)", d)
	}
}

func quantizeKernel[Q kernel.Quantized](n *Node, precision tensor.DType) Kernel {
	if precision == tensor.Float64 {
		return quantizeIn[Q, float64](n, nil)
	}
	var narrow func(float32) float32
	switch precision {
	case tensor.Float16:
		narrow = func(v float32) float32 { return tensor.ToF16(v).Float32() }
	case tensor.BFloat16:
		narrow = func(v float32) float32 { return tensor.ToBF16(v).Float32() }
	}
	return quantizeIn[Q](n, narrow)
}

func quantizeIn[Q kernel.Quantized, F float32 | float64](n *Node, narrow func(F) F) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		layout, err := scaleLayout(n, in)
		if err != nil {
			return err
		}
		x, scale := floats[F](in[0]), floats[F](in[1])
		if narrow != nil {
			x, scale = mapped(c, x, narrow), mapped(c, scale, narrow)
		}
		var zero []Q
		if len(in) > 2 {
			zero = tensor.Data[Q](in[2])
		}
		if dst, ok := out[0].Data.([]uint8); ok && narrow == nil && len(scale) == 1 {
			if x, ok := any(x).([]float32); ok {
				kernel.QuantizeBytes(c.Pool, dst, x, byteParams(float32(scale[0]), in))
				return nil
			}
		}
		kernel.Quantize(c.Pool, tensor.Data[Q](out[0]), x, scale, zero, layout, narrow)
		return nil
	})
}

// byteParams joins the only scale of a quantisation to or from uint8 with its zero point.
func byteParams(scale float32, in []*tensor.Tensor) kernel.ByteParams {
	p := kernel.ByteParams{Scale: scale}
	if len(in) > 2 && in[2] != nil {
		p.Zero = tensor.Data[uint8](in[2])[0]
	}
	return p
}

func mapped[F any](c *Context, src []F, f func(F) F) []F {
	dst := make([]F, len(src))
	kernel.Map(c.Pool, dst, src, func(dst, src []F) {
		for i, v := range src {
			dst[i] = f(v)
		}
	})
	return dst
}

// scaleLayout works out which scale belongs to which element, from the shapes that the inputs of this run have.
func scaleLayout(n *Node, in []*tensor.Tensor) (kernel.ScaleLayout, error) {
	s, err := op.ScalesOf(known(n.Call, in))
	if err != nil {
		return kernel.ScaleLayout{}, err
	}
	if s.Axis < 0 {
		return kernel.ScaleLayout{Outer: 1, Axis: 1, Inner: in[0].NumElems()}, nil
	}
	l := kernel.ScaleLayout{Blocked: s.Block > 0, Block: s.Block}
	l.Outer, l.Axis, l.Inner = around(in[0].Shape, s.Axis)
	return l, nil
}

func bindDequantize(n *Node) (Kernel, error) {
	if d := n.In[1].DType; d != tensor.Float32 && d != tensor.Float16 && d != tensor.BFloat16 {
		return nil, ErrType(n, 1, tensor.Float32, tensor.Float16, tensor.BFloat16)
	}
	switch n.In[0].DType {
	case tensor.Uint8:
		return halves(dequantizeKernel[uint8](n)), nil
	case tensor.Int8:
		return halves(dequantizeKernel[int8](n)), nil
	case tensor.Uint16:
		return halves(dequantizeKernel[uint16](n)), nil
	case tensor.Int16:
		return halves(dequantizeKernel[int16](n)), nil
	case tensor.Int32:
		return halves(dequantizeKernel[int32](n)), nil
	}
	return nil, ErrType(n, 0, tensor.Uint8, tensor.Int8, tensor.Uint16, tensor.Int16, tensor.Int32)
}

// dequantizeKernel is for a scale and result of float32.
func dequantizeKernel[Q kernel.Quantized | int32](n *Node) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		layout, err := scaleLayout(n, in)
		if err != nil {
			return err
		}
		if x, ok := in[0].Data.([]uint8); ok && in[1].NumElems() == 1 {
			kernel.DequantizeBytes(c.Pool, tensor.Data[float32](out[0]), x, byteParams(tensor.Data[float32](in[1])[0], in))
			return nil
		}
		x, _ := in[0].Data.([]Q)
		var zero []Q
		if len(in) > 2 && in[2] != nil {
			zero, _ = in[2].Data.([]Q)
		}
		kernel.Dequantize(c.Pool, tensor.Data[float32](out[0]), x, tensor.Data[float32](in[1]), zero, layout)
		return nil
	})
}

// bindDynamicQuantize quantises to uint8 with a scale and zero point that cover the data and 0.
func bindDynamicQuantize(n *Node) (Kernel, error) {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		x := tensor.Data[float32](in[0])
		scale, zero := kernel.QuantizeRange(x)
		if y := out[0]; y != nil {
			layout := kernel.ScaleLayout{Outer: 1, Axis: 1, Inner: len(x)}
			kernel.Quantize(c.Pool, tensor.Data[uint8](y), x, []float32{scale}, []uint8{zero}, layout, nil)
		}
		if len(out) > 1 && out[1] != nil {
			tensor.Data[float32](out[1])[0] = scale
		}
		if len(out) > 2 && out[2] != nil {
			tensor.Data[uint8](out[2])[0] = zero
		}
		return nil
	}), nil
}
