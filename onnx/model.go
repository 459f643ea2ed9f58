// Package onnx is the ONNX model in Go: the protobuf types, loading and saving with external data, tensors to and from
// Go slices, and the readable text form. Operator knowledge (attributes, types, shapes) lives in onnx/op, the checker
// and the shape inference that walk a whole graph in onnx/check.
package onnx

import (
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// The messages of onnx.proto3, generated in onnx/pb, under the names that the rest of the project uses.
type (
	Model     = pb.ModelProto
	Graph     = pb.GraphProto
	Node      = pb.NodeProto
	Attribute = pb.AttributeProto
	TensorPB  = pb.TensorProto
	ValueInfo = pb.ValueInfoProto
	Type      = pb.TypeProto
	Dim       = pb.TensorShapeProto_Dimension
	OpsetID   = pb.OperatorSetIdProto
	Property  = pb.StringStringEntryProto
)

// Opset gives the version of the default operator set (domain "" or "ai.onnx") that m imports, or 0 if it imports
// none.
func Opset(m *Model) int {
	for _, o := range m.GetOpsetImport() {
		if d := o.GetDomain(); d == "" || d == "ai.onnx" {
			return int(o.GetVersion())
		}
	}
	return 0
}

// Metadata gives m's metadata_props as a map; a key that stands twice keeps its last value.
func Metadata(m *Model) map[string]string {
	out := make(map[string]string, len(m.GetMetadataProps()))
	for _, p := range m.GetMetadataProps() {
		out[p.GetKey()] = p.GetValue()
	}
	return out
}

// SetMetadata sets one entry of m's metadata_props, in place if the key exists, else at the end.
func SetMetadata(m *Model, key, value string) {
	for _, p := range m.MetadataProps {
		if p.GetKey() == key {
			p.Value = value
			return
		}
	}
	m.MetadataProps = append(m.MetadataProps, &Property{Key: key, Value: value})
}

// Initializers indexes g's initializers by name.
func Initializers(g *Graph) map[string]*TensorPB {
	out := make(map[string]*TensorPB, len(g.GetInitializer()))
	for _, t := range g.GetInitializer() {
		out[t.GetName()] = t
	}
	return out
}

// NewNode makes a node with one output per name in outputs and one input per name in inputs ("" leaves an optional
// input out).
func NewNode(opType, name string, inputs, outputs []string, attrs ...*Attribute) *Node {
	return &Node{OpType: opType, Name: name, Input: inputs, Output: outputs, Attribute: attrs}
}

// AttrInt makes an integer attribute.
func AttrInt(name string, v int) *Attribute {
	return &Attribute{Name: name, Type: pb.AttributeProto_INT, I: int64(v)}
}

// AttrFloat makes a float attribute.
func AttrFloat(name string, v float32) *Attribute {
	return &Attribute{Name: name, Type: pb.AttributeProto_FLOAT, F: v}
}

// AttrString makes a string attribute.
func AttrString(name, v string) *Attribute {
	return &Attribute{Name: name, Type: pb.AttributeProto_STRING, S: []byte(v)}
}

// AttrInts makes an attribute that is a list of integers.
func AttrInts(name string, v ...int) *Attribute {
	a := &Attribute{Name: name, Type: pb.AttributeProto_INTS}
	for _, x := range v {
		a.Ints = append(a.Ints, int64(x))
	}
	return a
}

// AttrFloats makes an attribute that is a list of floats.
func AttrFloats(name string, v ...float32) *Attribute {
	return &Attribute{Name: name, Type: pb.AttributeProto_FLOATS, Floats: v}
}

// AttrTensor makes a tensor attribute.
func AttrTensor(name string, t *TensorPB) *Attribute {
	return &Attribute{Name: name, Type: pb.AttributeProto_TENSOR, T: t}
}

// FixedDim is a dimension of known size; NamedDim one that only has a name.
func FixedDim(n int) *Dim {
	return &Dim{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(n)}}
}

// NamedDim is a dimension known by name only, as a dynamic axis has it.
func NamedDim(name string) *Dim {
	return &Dim{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: name}}
}

// NewValueInfo describes a graph input, output or intermediate tensor; nil dims leave the rank open, no dims make a
// scalar.
func NewValueInfo(name string, d tensor.DType, dims []*Dim) *ValueInfo {
	tt := &pb.TypeProto_Tensor{ElemType: int32(d)}
	if dims != nil {
		tt.Shape = &pb.TensorShapeProto{Dim: dims}
	}
	return &ValueInfo{Name: name, Type: &Type{Value: &pb.TypeProto_TensorType{TensorType: tt}}}
}

// FixedDims turns sizes into dimensions.
func FixedDims(sizes ...int) []*Dim {
	out := make([]*Dim, len(sizes))
	for i, n := range sizes {
		out[i] = FixedDim(n)
	}
	return out
}
