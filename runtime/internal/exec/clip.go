package exec

import (
	"errors"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

var clipBinders = map[string]Binder{"Clip": bindClip, "Dropout": bindDropout}

// bindClip takes its bounds as attributes before opset 11, else as inputs, each of which may be left out.
func bindClip(n *Node) (Kernel, error) {
	lo, hi := float64(n.Attrs.Float("min")), float64(n.Attrs.Float("max"))
	asAttrs := n.Attrs.Has("min")
	f32 := clipKernel[float32](asAttrs, lo, hi)
	return byType(n, 0, map[tensor.DType]Kernel{
		tensor.Float32: f32, tensor.Float64: clipKernel[float64](asAttrs, lo, hi), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
		tensor.Int8: clipKernel[int8](asAttrs, lo, hi), tensor.Int16: clipKernel[int16](asAttrs, lo, hi),
		tensor.Int32: clipKernel[int32](asAttrs, lo, hi), tensor.Int64: clipKernel[int64](asAttrs, lo, hi),
		tensor.Uint8: clipKernel[uint8](asAttrs, lo, hi), tensor.Uint16: clipKernel[uint16](asAttrs, lo, hi),
		tensor.Uint32: clipKernel[uint32](asAttrs, lo, hi), tensor.Uint64: clipKernel[uint64](asAttrs, lo, hi),
	})
}

func clipKernel[T kernel.Real](asAttrs bool, min, max float64) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		lo, hi := kernel.Least[T](), kernel.Greatest[T]()
		if asAttrs {
			lo, hi = T(min), T(max)
		}
		for i, bound := range []*T{&lo, &hi} {
			if i+1 < len(in) && in[i+1] != nil {
				if d, _ := in[i+1].Data.([]T); len(d) == 1 {
					*bound = d[0]
				}
			}
		}
		dst, _ := out[0].Data.([]T)
		src, _ := in[0].Data.([]T)
		kernel.Map(c.Pool, dst, src, kernel.ClipRow(lo, hi))
		return nil
	})
}

// bindDropout is the identity: inference drops nothing. The mask, where asked for, is all true.
func bindDropout(n *Node) (Kernel, error) {
	if n.Has(2) {
		mode := n.In[2].Value
		if mode == nil {
			return nil, errors.New("input \"training_mode\" is known only at run time; the embedded runtime supports inference only (a constant false, or left out)")
		}
		if on := tensor.Data[bool](mode); len(on) == 1 && on[0] {
			return nil, errors.New("input \"training_mode\" is true; the embedded runtime supports inference only")
		}
	}
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		if out[0] != nil {
			copyWords(out[0], in[0])
		}
		if len(out) > 1 && out[1] != nil {
			switch mask := out[1].Data.(type) {
			case []bool:
				for i := range mask {
					mask[i] = true
				}
			case []float32: // before opset 10 the mask has the data's type
				for i := range mask {
					mask[i] = 1
				}
			}
		}
		return nil
	}), nil
}

// copyWords copies a tensor's elements, whatever their type.
func copyWords(dst, src *tensor.Tensor) {
	switch d := words(dst).(type) {
	case []uint8:
		copy(d, words(src).([]uint8))
	case []uint16:
		copy(d, words(src).([]uint16))
	case []uint32:
		copy(d, words(src).([]uint32))
	case []uint64:
		copy(d, words(src).([]uint64))
	case []string:
		copy(d, src.Data.([]string))
	}
}
