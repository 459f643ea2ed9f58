package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// concatBinders covers Concat, for every element type.
var concatBinders = map[string]Binder{"Concat": bindConcat}

func bindConcat(n *Node) (Kernel, error) {
	axis := n.Attrs.Int("axis")
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		total := 0
		for _, t := range in {
			total += t.NumElems()
		}
		if total != out[0].NumElems() {
			return fmt.Errorf("the inputs have %d elements together, but the output is %s", total, out[0])
		}
		if total == 0 {
			return nil
		}
		switch y := words(out[0]).(type) {
		case []uint8:
			concat(c, y, in, axis)
		case []uint16:
			concat(c, y, in, axis)
		case []uint32:
			concat(c, y, in, axis)
		case []uint64:
			concat(c, y, in, axis)
		case []string:
			concat(c, y, in, axis)
		}
		return nil
	}), nil
}

func concat[T any](c *Context, dst []T, in []*tensor.Tensor, axis int) {
	stride := 0
	for _, t := range in {
		_, n, inner := around(t.Shape, positive(axis, len(t.Shape)))
		stride += n * inner
	}
	at := 0
	for _, t := range in {
		_, n, inner := around(t.Shape, positive(axis, len(t.Shape)))
		if src := words(t).([]T); len(src) > 0 && &src[0] != &dst[at] { // else its producer has put it there
			kernel.CopyRows(c.Pool, dst, src, n*inner, at, stride)
		}
		at += n * inner
	}
}
