package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// padBinders covers Pad in every mode, for every element type.
var padBinders = map[string]Binder{"Pad": bindPad}

var padModes = map[string]kernel.PadMode{
	"constant": kernel.PadConstant, "reflect": kernel.PadReflect, "edge": kernel.PadEdge, "wrap": kernel.PadWrap,
}

func bindPad(n *Node) (Kernel, error) {
	mode, ok := padModes[n.Attrs.String("mode")]
	if !ok {
		return nil, fmt.Errorf("attribute \"mode\" is %q, want constant, reflect, edge or wrap", n.Attrs.String("mode"))
	}
	value, err := fillAttr(n)
	if err != nil {
		return nil, err
	}
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		pads, err := op.PadAxes(known(n.Call, in))
		if err != nil {
			return err
		}
		axes := make([]kernel.PadAxis, len(pads))
		for k, p := range pads {
			axes[k] = kernel.PadAxis{Size: in[0].Shape[k], Before: p.Before, After: p.After}
			if axes[k].Size+p.Before+p.After != out[0].Shape[k] {
				return fmt.Errorf("pads %d and %d do not take axis %d of %s to that of %s", p.Before, p.After, k, in[0], out[0])
			}
		}
		fill := value
		if len(in) > 2 && in[2] != nil {
			fill = in[2]
		}
		switch x := words(in[0]).(type) {
		case []uint8:
			padWith(c, words(out[0]), x, axes, mode, fill)
		case []uint16:
			padWith(c, words(out[0]), x, axes, mode, fill)
		case []uint32:
			padWith(c, words(out[0]), x, axes, mode, fill)
		case []uint64:
			padWith(c, words(out[0]), x, axes, mode, fill)
		case []string:
			padWith(c, out[0].Data, x, axes, mode, fill)
		}
		return nil
	}), nil
}

// fillAttr is the value of the margin before opset 11, where it is an attribute and the tensors are floats. Later it is
// an input; without that it is 0, "" or false, for which nil stands.
func fillAttr(n *Node) (*tensor.Tensor, error) {
	if !n.Attrs.Has("value") {
		return nil, nil
	}
	t, err := tensor.New(n.In[0].DType, nil)
	if err != nil {
		return nil, err
	}
	storeFloats(t, []float32{n.Attrs.Float("value")})
	return t, nil
}

func padWith[T any](c *Context, dst any, x []T, axes []kernel.PadAxis, mode kernel.PadMode, fill *tensor.Tensor) {
	var v T
	if fill != nil {
		v = words(fill).([]T)[0]
	}
	kernel.Pad(c.Pool, dst.([]T), x, axes, mode, v)
}
