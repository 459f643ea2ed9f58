package op

import (
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// Attributes are the attributes of one node, checked against its schema, with the schema's defaults filled in.
// Values are int64, float32, string, []int64, []float32, []string or *tensor.Tensor.
type Attributes map[string]any

// ParseAttributes checks a node's attributes against s: every one known, of the declared kind, none twice, the
// required ones present. The error names the attribute and what would be accepted.
func ParseAttributes(s *Schema, n *onnx.Node) (Attributes, error) {
	out := make(Attributes, len(s.Attrs))
	for _, a := range n.GetAttribute() {
		name := a.GetName()
		formal, ok := s.Attr(name)
		if !ok {
			return nil, fmt.Errorf("unknown attribute %q (%s since opset %d has %s)", name, s.Name, s.Since, attrNames(s))
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("attribute %q stands twice", name)
		}
		if a.GetRefAttrName() != "" {
			return nil, fmt.Errorf("attribute %q refers to a function's attribute; model functions are not supported", name)
		}
		v, err := attrValue(formal.Kind, a)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		out[name] = v
	}
	for _, a := range s.Attrs {
		if _, ok := out[a.Name]; ok {
			continue
		}
		if a.Required {
			return nil, fmt.Errorf("required attribute %q (%s) is missing", a.Name, a.Kind)
		}
		if a.Default != nil {
			out[a.Name] = a.Default
		}
	}
	return out, nil
}

func attrNames(s *Schema) string {
	if len(s.Attrs) == 0 {
		return "no attributes"
	}
	names := ""
	for i, a := range s.Attrs {
		if i > 0 {
			names += ", "
		}
		names += a.Name
	}
	return names
}

// attrKinds maps the type that an AttributeProto declares to this package's kinds. Type UNDEFINED, which some old
// exporters leave, is taken on the schema's word.
var attrKinds = map[pb.AttributeProto_AttributeType]Kind{
	pb.AttributeProto_INT: Int, pb.AttributeProto_FLOAT: Float, pb.AttributeProto_STRING: String,
	pb.AttributeProto_TENSOR: TensorAttr, pb.AttributeProto_INTS: Ints, pb.AttributeProto_FLOATS: Floats,
	pb.AttributeProto_STRINGS: Strings,
}

func attrValue(want Kind, a *onnx.Attribute) (any, error) {
	if t := a.GetType(); t != pb.AttributeProto_UNDEFINED && attrKinds[t] != want {
		return nil, fmt.Errorf("is of type %s, want %s", t, want)
	}
	switch want {
	case Int:
		return a.GetI(), nil
	case Float:
		return a.GetF(), nil
	case String:
		return string(a.GetS()), nil
	case Ints:
		return append([]int64{}, a.GetInts()...), nil
	case Floats:
		return append([]float32{}, a.GetFloats()...), nil
	case Strings:
		var out []string
		for _, s := range a.GetStrings() {
			out = append(out, string(s))
		}
		return out, nil
	case TensorAttr:
		if a.GetT() == nil {
			return nil, fmt.Errorf("holds no tensor")
		}
		t, err := onnx.Decode(a.GetT())
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	return nil, fmt.Errorf("attributes of kind %s are not supported", want)
}

// Has reports whether the attribute was given or has a default.
func (a Attributes) Has(name string) bool { _, ok := a[name]; return ok }

// Int gives an integer attribute, 0 if absent.
func (a Attributes) Int(name string) int { v, _ := a[name].(int64); return int(v) }

// Float gives a float attribute, 0 if absent.
func (a Attributes) Float(name string) float32 { v, _ := a[name].(float32); return v }

// String gives a string attribute, "" if absent.
func (a Attributes) String(name string) string { v, _ := a[name].(string); return v }

// Ints gives a list of integers, nil if absent.
func (a Attributes) Ints(name string) []int {
	v, _ := a[name].([]int64)
	if v == nil {
		return nil
	}
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// Floats gives a list of floats, nil if absent.
func (a Attributes) Floats(name string) []float32 { v, _ := a[name].([]float32); return v }

// Strings gives a list of strings, nil if absent.
func (a Attributes) Strings(name string) []string { v, _ := a[name].([]string); return v }

// Tensor gives a tensor attribute, nil if absent.
func (a Attributes) Tensor(name string) *tensor.Tensor { v, _ := a[name].(*tensor.Tensor); return v }
