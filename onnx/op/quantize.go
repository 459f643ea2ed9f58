package op

import (
	"fmt"
	"slices"

	"autodeeplab/onnx/tensor"
)

// quantizeRules covers linear quantisation: real = (stored − zero point) · scale.
var quantizeRules = map[string]Rule{
	"QuantizeLinear": quantizeRule, "DequantizeLinear": dequantizeRule, "DynamicQuantizeLinear": dynamicQuantizeRule,
}

// quantizeRule: the stored type is the zero point's, or else output_dtype, or else uint8.
func quantizeRule(c *Call) error {
	out := &c.Out[0]
	out.Dims = SameDims(c.In[0])
	want := tensor.DType(c.Attrs.Int("output_dtype"))
	switch {
	case c.Has(2) && c.In[2].DType != tensor.Undefined:
		if want != tensor.Undefined && want != c.In[2].DType {
			return fmt.Errorf("attribute output_dtype is %s, but input %q is %s", want, c.InputName(2), c.In[2].DType)
		}
		out.DType = c.In[2].DType
	case want != tensor.Undefined:
		out.DType = want
	case !c.Has(2):
		out.DType = tensor.Uint8
	}
	if err := c.wantType("output_dtype", out.DType); err != nil {
		return err
	}
	_, err := ScalesOf(c)
	return err
}

// dequantizeRule: the real type is output_dtype (opset 23), or else the scale's.
func dequantizeRule(c *Call) error {
	out := &c.Out[0]
	out.Dims = SameDims(c.In[0])
	out.DType = c.In[1].DType
	if want := tensor.DType(c.Attrs.Int("output_dtype")); want != tensor.Undefined {
		out.DType = want
	}
	if err := c.wantType("output_dtype", out.DType); err != nil {
		return err
	}
	_, err := ScalesOf(c)
	return err
}

// wantType checks a type that an attribute gives to output 0.
func (c *Call) wantType(attr string, d tensor.DType) error {
	if p, _ := c.Schema.Output(0); d != tensor.Undefined && !p.Types.Has(d) {
		return fmt.Errorf("attribute %s is %s, want one of %s", attr, d, p.Types)
	}
	return nil
}

// Scales says which element of QuantizeLinear's or DequantizeLinear's scale belongs to which element of the data.
type Scales struct {
	// Axis is the axis along which scales differ, −1 if there is one scale for all elements.
	Axis int
	// Block is how many neighbours along Axis share a scale in blocked quantisation (opset 21), where the scale's other
	// dimensions are the data's; 0 where the scale is a list with one element for each index of Axis.
	Block int
}

// ScalesOf checks the shapes of scale and zero point of a QuantizeLinear or DequantizeLinear node, as far as they are
// known.
func ScalesOf(c *Call) (Scales, error) {
	x, scale := c.In[0], c.In[1]
	s := Scales{Axis: -1}
	if err := c.sameAsScale(); err != nil || !scale.HasRank() || scale.Rank() == 0 {
		return s, err
	}
	if n, known := scale.Sizes(); known && !slices.ContainsFunc(n, func(n int) bool { return n != 1 }) && scale.Rank() == 1 {
		return s, nil // a list of one is as good as a scalar
	}
	if !c.Attrs.Has("axis") {
		return s, fmt.Errorf("input %q is %s, want a scalar (one scale for each index of an axis needs opset 13)", c.InputName(1), scale)
	}
	s.Block = c.Attrs.Int("block_size")
	if s.Block < 0 {
		return s, fmt.Errorf("attribute block_size is %d, want 0 or more", s.Block)
	}
	if s.Block == 0 && scale.Rank() > 1 {
		return s, fmt.Errorf("input %q is %s, want a scalar or a list (blocks need the attribute block_size)", c.InputName(1), scale)
	}
	if !x.HasRank() {
		return s, nil
	}
	axis, err := normalAxis("attribute axis", c.Attrs.Int("axis"), x.Rank())
	if err != nil {
		return s, err
	}
	s.Axis = axis
	want := []Dim{x.Dims[axis]}
	if s.Block > 0 {
		want = SameDims(x)
		if d := want[axis]; d.IsKnown() {
			want[axis] = Known(d.Size/s.Block + min(1, d.Size%s.Block)) // rounded up; Block may be near the largest int
		} else {
			want[axis] = Named("")
		}
	}
	fits := len(want) == scale.Rank()
	for k := 0; fits && k < len(want); k++ {
		fits = !want[k].IsKnown() || !scale.Dims[k].IsKnown() || want[k] == scale.Dims[k]
	}
	if !fits {
		return s, fmt.Errorf("input %q is %s, want a scalar or shape %s for data of shape %s and axis %d",
			c.InputName(1), scale, (&Info{DType: scale.DType, Dims: want}).String(), x, axis)
	}
	return s, nil
}

// sameAsScale checks that the zero point, if there is one, has the scale's shape. Where both have one element, a list
// and a scalar pass for one another.
func (c *Call) sameAsScale() error {
	scale, zero := c.In[1], c.Input(2)
	if zero == nil {
		return nil
	}
	a, known := scale.Sizes()
	b, known2 := zero.Sizes()
	if !known || !known2 || slices.Equal(a, b) {
		return nil
	}
	n, err := tensor.NumElems(a)
	m, err2 := tensor.NumElems(b)
	if err == nil && err2 == nil && n == 1 && m == 1 && len(a) < 2 && len(b) < 2 {
		return nil
	}
	return fmt.Errorf("input %q is %s, want the shape of input %q, %s", c.InputName(2), zero, c.InputName(1), scale)
}

func dynamicQuantizeRule(c *Call) error {
	c.Out[0].Dims = SameDims(c.In[0])
	for i := 1; i < len(c.Out); i++ {
		c.Out[i].Dims = []Dim{}
	}
	return nil
}
