package exec

import (
	"errors"
	"fmt"
	"math"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// clipBinders covers bounding, and Dropout, which changes nothing at inference.
var clipBinders = map[string]Binder{"Clip": bindClip, "Dropout": bindDropout}

// bindClip takes its bounds as attributes before opset 11, else as inputs, each of which may be left out.
func bindClip(n *Node) (Kernel, error) {
	var given *[2]float32
	if n.Attrs.Has("min") { // both have defaults
		given = &[2]float32{n.Attrs.Float("min"), n.Attrs.Float("max")}
	}
	return oneOf(0, map[tensor.DType]Kernel{
		tensor.Float32:  clipKernel[float32](given, -math.MaxFloat32, math.MaxFloat32),
		tensor.Float64:  clipKernel[float64](given, -math.MaxFloat64, math.MaxFloat64),
		tensor.Float16:  halves(clipKernel[float32](given, -maxFloat16, maxFloat16)),
		tensor.BFloat16: halves(clipKernel[float32](given, -maxBFloat16, maxBFloat16)),
		tensor.Int8:     clipInts[int8](), tensor.Int16: clipInts[int16](), tensor.Int32: clipInts[int32](), tensor.Int64: clipInts[int64](),
		tensor.Uint8: clipInts[uint8](), tensor.Uint16: clipInts[uint16](), tensor.Uint32: clipInts[uint32](), tensor.Uint64: clipInts[uint64](),
	})(n)
}

// The largest finite numbers of the 16-bit floats.
const (
	maxFloat16  = 65504
	maxBFloat16 = 0x1.fep127
)

func clipInts[T kernel.Integer]() Kernel {
	return clipKernel(nil, kernel.Least[T](), kernel.Greatest[T]())
}

// clipKernel has ONNX's defaults for bounds that are not given: the least and greatest finite number of the type. So
// Clip makes infinities finite.
func clipKernel[T kernel.Real](given *[2]float32, least, greatest T) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		bounds := [2]T{least, greatest}
		for i := range bounds {
			switch {
			case given != nil:
				bounds[i] = T(given[i])
			case i+1 < len(in) && in[i+1] != nil:
				b, _ := in[i+1].Data.([]T)
				if len(b) != 1 {
					return fmt.Errorf("input %d is %s, want a scalar", i+1, in[i+1])
				}
				bounds[i] = b[0]
			}
		}
		dst, _ := out[0].Data.([]T)
		src, _ := in[0].Data.([]T)
		kernel.Map(c.Pool, dst, src, kernel.ClipRow(bounds[0], bounds[1]))
		return nil
	})
}

// bindDropout refuses what might be training, which draws random numbers. At inference the output is the input, and the
// mask, where asked for, says that every element is kept.
func bindDropout(n *Node) (Kernel, error) {
	if n.Has(2) && n.In[2].Value == nil {
		return nil, errors.New("input \"training_mode\" is known only at run time; the embedded runtime supports inference only (a constant false, or the input left out)")
	}
	if n.Has(2) {
		if on := tensor.Data[bool](n.In[2].Value); len(on) == 1 && on[0] && !dropsNothing(n) {
			return nil, errors.New("input \"training_mode\" is true; the embedded runtime supports inference only (false, or a constant ratio of 0)")
		}
	}
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		if len(out) > 1 && out[1] != nil {
			kept := make([]float32, out[1].NumElems())
			kernel.Fill(c.Pool, kept, 1)
			storeFloats(out[1], kept) // before opset 10 the mask has the data's type
		}
		if out[0] == nil {
			return nil
		}
		return same(c, in, out)
	}), nil
}

// dropsNothing reports whether the ratio is known to be 0; left out, it is 0.5.
func dropsNothing(n *Node) bool {
	if !n.Has(1) || n.In[1].Value == nil {
		return false
	}
	ratio := floats[float64](n.In[1].Value)
	return len(ratio) == 1 && ratio[0] == 0
}
