package op

import (
	"fmt"

	"autodeeplab/onnx/tensor"
)

var quantizeRules = map[string]Rule{
	"QuantizeLinear": quantizeRule, "DequantizeLinear": quantizeRule, "DynamicQuantizeLinear": dynamicQuantizeRule,
}

func quantizeRule(c *Call) error {
	out := &c.Out[0]
	out.Dims = SameDims(c.In[0])
	given := tensor.DType(c.Attrs.Int("output_dtype"))
	switch {
	case c.Schema.Name == "QuantizeLinear" && c.Has(2):
		if given != tensor.Undefined && given != c.In[2].DType {
			return fmt.Errorf("attribute output_dtype is %s, but the zero point is %s", given, c.In[2].DType)
		}
		out.DType = c.In[2].DType
	case given != tensor.Undefined:
		out.DType = given
	case c.Schema.Name == "QuantizeLinear":
		out.DType = tensor.Uint8
	}
	scale := c.In[1]
	if !scale.HasRank() || scale.Rank() == 0 || isOne(scale) || c.Attrs.Int("block_size") != 0 {
		return nil
	}
	if scale.Rank() > 1 {
		return fmt.Errorf("scale has shape %s, want a scalar or one value for each index of an axis", scale)
	}
	if c.In[0].HasRank() {
		axes, err := normalAxes("axis", []int{c.Attrs.Int("axis")}, c.In[0].Rank())
		if err != nil {
			return err
		}
		if d := c.In[0].Dims[axes[0]]; d.IsKnown() && scale.Dims[0].IsKnown() && d != scale.Dims[0] {
			return fmt.Errorf("scale has %s values for %s indices of axis %d", scale.Dims[0], d, axes[0])
		}
	}
	if c.Has(2) && c.In[2].HasRank() && c.In[2].Rank() != scale.Rank() {
		return fmt.Errorf("the zero point has shape %s, want that of the scale, %s", c.In[2], scale)
	}
	return nil
}

func dynamicQuantizeRule(c *Call) error {
	c.Out[0].Dims = SameDims(c.In[0])
	for i := 1; i < len(c.Out); i++ {
		c.Out[i].Dims = []Dim{}
	}
	return nil
}
