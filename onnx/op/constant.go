package op

import (
	"fmt"
	"strings"

	"autodeeplab/onnx/tensor"
)

// constantRules covers the operators that make tensors out of attributes.
var constantRules = map[string]Rule{"Constant": constant, "ConstantOfShape": constantOfShape}

func constant(c *Call) error {
	v, err := ConstantValue(c)
	if err != nil {
		return err
	}
	c.Out[0] = Const(v)
	return nil
}

// ConstantValue makes the output of Constant: the one value attribute that the node has. Before opset 9 the schema
// allows only floats, but exporters of that time wrote integers too, and everyone reads them.
func ConstantValue(c *Call) (*tensor.Tensor, error) {
	var given []string
	for _, a := range c.Schema.Attrs {
		if c.Attrs.Has(a.Name) {
			given = append(given, a.Name)
		}
	}
	if len(given) != 1 {
		return nil, fmt.Errorf("%d attributes (%s), want exactly one of %s", len(given), strings.Join(given, ", "), attrNames(c.Schema))
	}
	switch name := given[0]; name {
	case "value":
		return c.Attrs.Tensor(name), nil
	case "value_float":
		return tensor.Scalar(c.Attrs.Float(name)), nil
	case "value_floats":
		v := c.Attrs.Floats(name)
		return tensor.Of(v, len(v)), nil
	case "value_int":
		return tensor.Scalar(int64(c.Attrs.Int(name))), nil
	case "value_ints":
		v := []int64{}
		for _, x := range c.Attrs.Ints(name) {
			v = append(v, int64(x))
		}
		return tensor.Of(v, len(v)), nil
	case "value_string":
		return tensor.Scalar(c.Attrs.String(name)), nil
	case "value_strings":
		v := c.Attrs.Strings(name)
		return tensor.Of(v, len(v)), nil
	}
	return nil, fmt.Errorf("attribute %q is not supported", given[0])
}

// constantOfShape folds small results, which are the start of many a chain of shape arithmetic (a list of zeros or ones).
func constantOfShape(c *Call) error {
	v, err := FillValue(c)
	if err != nil {
		return err
	}
	out := &c.Out[0]
	out.DType = v.DType
	dims, exact, ok, err := c.shapeInput(0)
	if err != nil || !ok {
		return err
	}
	for _, v := range exact {
		if v < 0 {
			return fmt.Errorf("input %q is %v, want sizes of 0 or more", c.InputName(0), exact)
		}
	}
	out.Dims = append([]Dim{}, dims...)
	if sizes, ok := out.Sizes(); ok {
		if n, err := tensor.NumElems(sizes); err == nil && c.mayFold(v.DType, n) {
			out.Value = take(v, sizes, make([]int, n))
		}
	}
	return nil
}

// FillValue gives the element that ConstantOfShape repeats: attribute value, which has one element, or a float 0.
func FillValue(c *Call) (*tensor.Tensor, error) {
	v := c.Attrs.Tensor("value")
	if v == nil {
		return tensor.Of([]float32{0}, 1), nil
	}
	if n := v.NumElems(); n != 1 {
		return nil, fmt.Errorf("attribute \"value\" is %s, want one element", v)
	}
	if p, _ := c.Schema.Output(0); !p.Types.Has(v.DType) {
		return nil, fmt.Errorf("attribute \"value\" is %s, want one of %s", v, p.Types)
	}
	return v, nil
}
