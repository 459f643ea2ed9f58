package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// reshapeBinders covers the operators that keep every element in its place, for every element type. Where the session
// lets the output share the input's memory nothing is left to do.
var reshapeBinders = map[string]Binder{
	"Reshape": bindReshape, "Flatten": bindSame, "Squeeze": bindSame, "Unsqueeze": bindSame, "Identity": bindSame,
}

// bindReshape is bindSame for an output whose shape an input gives. Inference can know the output's shape without it,
// from the number of elements: then it is held against the input here.
func bindReshape(n *Node) (Kernel, error) {
	same, err := bindSame(n)
	if err != nil || n.In[1].Value != nil {
		return same, err
	}
	allowZero := n.Attrs.Int("allowzero") == 1
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		target, err := in[1].Ints()
		if err != nil {
			return err
		}
		fits := len(target) == len(out[0].Shape)
		for k := 0; fits && k < len(target); k++ {
			v, copied := target[k], target[k] == 0 && !allowZero
			fits = v == out[0].Shape[k] || v == -1 || copied && k < len(in[0].Shape) && in[0].Shape[k] == out[0].Shape[k]
		}
		if !fits {
			return fmt.Errorf("%s does not reshape to %v, only to %s", in[0], target, tensor.FormatShape(out[0].Shape))
		}
		return same.Run(c, in, out)
	}), nil
}

func bindSame(*Node) (Kernel, error) {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		if n, m := in[0].NumElems(), out[0].NumElems(); n != m {
			return fmt.Errorf("%s has %d elements, but the output %s has %d", in[0], n, out[0], m)
		}
		switch x := words(in[0]).(type) {
		case []uint8:
			copyElems(c, words(out[0]), x)
		case []uint16:
			copyElems(c, words(out[0]), x)
		case []uint32:
			copyElems(c, words(out[0]), x)
		case []uint64:
			copyElems(c, words(out[0]), x)
		case []string:
			copyElems(c, out[0].Data, x)
		}
		return nil
	}), nil
}

func copyElems[T any](c *Context, dst any, src []T) {
	if y := dst.([]T); len(y) > 0 && &y[0] != &src[0] {
		kernel.Copy(c.Pool, y, src)
	}
}
