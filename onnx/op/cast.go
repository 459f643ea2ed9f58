package op

import (
	"fmt"
	"math"

	"autodeeplab/onnx/tensor"
)

// castRules covers the change of element type.
var castRules = map[string]Rule{"Cast": castRule}

func castRule(c *Call) error {
	to := tensor.DType(c.Attrs.Int("to"))
	if p, _ := c.Schema.Output(0); !p.Types.Has(to) {
		return fmt.Errorf("attribute \"to\" is %s, want one of %s", to, p.Types)
	}
	in, out := c.In[0], &c.Out[0]
	out.DType, out.Dims = to, SameDims(in)
	switch {
	case to == tensor.Float32:
		castToFloats(c, in, out)
	case in.DType == tensor.Float32 && to.IsInt():
		castFromFloats(c, in, out)
	case to == tensor.Bool:
		c.foldInts(func(args []*element) element {
			if x := *args[0]; x.known {
				return truth(x.v != 0)
			}
			return element{}
		})
	case to.IsInt():
		wide := to.Size() >= 4 // holds every dimension, so that named ones stay themselves
		c.foldInts(func(args []*element) element {
			if x := *args[0]; x.known || wide {
				return x
			}
			return element{}
		})
	}
	return nil
}

func castToFloats(c *Call, in, out *Info) {
	n, ok := c.foldable()
	v, known := in.Ints()
	if !ok || !known || len(v) != n {
		return
	}
	sizes, _ := out.Sizes()
	data := make([]float32, n)
	for k, x := range v {
		data[k] = float32(x)
	}
	out.Value = &tensor.Tensor{DType: tensor.Float32, Shape: sizes, Data: data}
}

// castFromFloats truncates. What an int cannot hold, which ONNX leaves undefined, is left to the run.
func castFromFloats(c *Call, in, out *Info) {
	n, ok := c.foldable()
	if !ok || in.Value == nil || n > maxFoldFloats {
		return
	}
	list := make([]element, n)
	for k, x := range tensor.Data[float32](in.Value) {
		if whole := math.Trunc(float64(x)); math.Abs(whole) < 1<<62 {
			list[k] = number(int(whole))
		}
	}
	setElements(out, list)
}
