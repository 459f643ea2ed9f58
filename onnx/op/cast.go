package op

import (
	"fmt"

	"autodeeplab/onnx/tensor"
)

var castRules = map[string]Rule{"Cast": castRule}

func castRule(c *Call) error {
	to := tensor.DType(c.Attrs.Int("to"))
	if p, _ := c.Schema.Output(0); !p.Types.Has(to) {
		return fmt.Errorf("attribute \"to\" is %s, want one of %s", to, p.Types)
	}
	out := &c.Out[0]
	out.DType, out.Dims = to, SameDims(c.In[0])
	if in := c.In[0]; in.DType.IsInt() && (to == tensor.Int64 || to == tensor.Int32) {
		if v, known, ok := contents(in, c.Limits.MaxFold); ok {
			values, names := make([]int, len(v)), make([]string, len(v))
			for k, d := range v {
				values[k], names[k] = d.Size, d.Name
			}
			setExact(out, values, known, names)
		}
	}
	return nil
}
