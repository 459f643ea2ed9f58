package onnx

import (
	"bufio"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"autodeeplab/onnx/pb"
)

// AttributeText is an attribute as Format abbreviates it, as "strides = [2, 2]".
func AttributeText(a *Attribute) string {
	var b strings.Builder
	p := &printer{w: bufio.NewWriter(&b), o: TextOptions{MaxElems: DefaultMaxElems}, escape: true}
	p.attribute(a, false)
	p.w.Flush() // into a Builder, which does not fail
	return b.String()
}

// attribute writes "name = value", or "name: type = value" where the value alone does not tell its type or typed is
// set (function defaults).
func (p *printer) attribute(a *Attribute, typed bool) {
	p.print(ident(a.GetName()))
	kind := a.GetType()
	if typed || !tellsItsType(a) {
		if name, ok := pb.AttributeProto_AttributeType_name[int32(kind)]; ok && kind != pb.AttributeProto_UNDEFINED {
			p.print(": ", strings.ToLower(name))
		}
	}
	p.print(" = ")
	if a.GetRefAttrName() != "" {
		p.print("@", ident(a.GetRefAttrName()))
		return
	}
	if kind == pb.AttributeProto_UNDEFINED {
		kind = usedKind(a)
		p.note("%q has no type", a.GetName())
	}
	switch kind {
	case pb.AttributeProto_INT:
		p.print(strconv.FormatInt(a.GetI(), 10))
	case pb.AttributeProto_FLOAT:
		p.print(floatLiteral(a.GetF()))
	case pb.AttributeProto_STRING:
		p.print(quote(string(a.GetS())))
	case pb.AttributeProto_TENSOR:
		p.tensor(a.GetT())
	case pb.AttributeProto_GRAPH:
		p.subgraph(a.GetG())
	case pb.AttributeProto_TYPE_PROTO:
		p.print(typeText(a.GetTp()))
	case pb.AttributeProto_INTS:
		p.list("[", len(a.GetInts()), func(i int) { p.print(strconv.FormatInt(a.GetInts()[i], 10)) }, "]")
	case pb.AttributeProto_FLOATS:
		p.list("[", len(a.GetFloats()), func(i int) { p.print(floatLiteral(a.GetFloats()[i])) }, "]")
	case pb.AttributeProto_STRINGS:
		p.list("[", len(a.GetStrings()), func(i int) { p.print(quote(string(a.GetStrings()[i]))) }, "]")
	case pb.AttributeProto_TENSORS:
		p.list("[", len(a.GetTensors()), func(i int) { p.tensor(a.GetTensors()[i]) }, "]")
	case pb.AttributeProto_GRAPHS:
		p.list("[", len(a.GetGraphs()), func(i int) { p.subgraph(a.GetGraphs()[i]) }, "]")
	case pb.AttributeProto_TYPE_PROTOS:
		p.list("[", len(a.GetTypeProtos()), func(i int) { p.print(typeText(a.GetTypeProtos()[i])) }, "]")
	default:
		p.print(ellipsis)
		p.note("%s cannot be written", strings.ToLower(kind.String()))
	}
}

// tellsItsType reports whether the parser, here and in ONNX, finds the attribute's type from its value.
func tellsItsType(a *Attribute) bool {
	if a.GetRefAttrName() != "" {
		return false
	}
	switch a.GetType() {
	case pb.AttributeProto_INT, pb.AttributeProto_FLOAT, pb.AttributeProto_STRING:
		return true
	case pb.AttributeProto_TENSOR, pb.AttributeProto_TYPE_PROTO:
		return true
	case pb.AttributeProto_GRAPH:
		return isIdent(graphName(a.GetG().GetName()))
	case pb.AttributeProto_INTS:
		return len(a.GetInts()) > 0
	case pb.AttributeProto_FLOATS:
		return len(a.GetFloats()) > 0
	case pb.AttributeProto_STRINGS:
		return len(a.GetStrings()) > 0
	}
	return false
}

// usedKind guesses the type of an attribute that states none, as old exporters left it, from the field in use.
func usedKind(a *Attribute) pb.AttributeProto_AttributeType {
	switch {
	case a.GetT() != nil:
		return pb.AttributeProto_TENSOR
	case a.GetG() != nil:
		return pb.AttributeProto_GRAPH
	case len(a.GetInts()) > 0:
		return pb.AttributeProto_INTS
	case len(a.GetFloats()) > 0:
		return pb.AttributeProto_FLOATS
	case len(a.GetStrings()) > 0:
		return pb.AttributeProto_STRINGS
	case len(a.GetS()) > 0:
		return pb.AttributeProto_STRING
	case a.GetF() != 0:
		return pb.AttributeProto_FLOAT
	}
	return pb.AttributeProto_INT
}

// subgraph writes a graph one level deeper.
func (p *printer) subgraph(g *Graph) {
	p.indent++
	p.graph(g)
	p.indent--
}

// floatLiteral writes the shortest text that reads as the same float and cannot be taken for an integer.
func floatLiteral(f float32) string {
	s := floatText(float64(f), 32)
	if !strings.ContainsAny(s, ".einf") { // also of inf and nan
		s += ".0"
	}
	return s
}

// unwritten counts the fields of a model that the syntax has no words for, as "2 doc_string, 1 sparse_initializer".
func unwritten(m *Model) string {
	counts := make(map[string]int)
	count(m.ProtoReflect(), counts)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, strconv.Itoa(counts[name])+" "+name)
	}
	return strings.Join(parts, ", ")
}

// wordless are the fields that Format leaves out.
var wordless = map[protoreflect.FullName]bool{
	"autodeeplab_onnx.GraphProto.doc_string": true, "autodeeplab_onnx.NodeProto.doc_string": true, "autodeeplab_onnx.ValueInfoProto.doc_string": true,
	"autodeeplab_onnx.TensorProto.doc_string": true, "autodeeplab_onnx.AttributeProto.doc_string": true,
	"autodeeplab_onnx.GraphProto.metadata_props": true, "autodeeplab_onnx.NodeProto.metadata_props": true,
	"autodeeplab_onnx.ValueInfoProto.metadata_props": true, "autodeeplab_onnx.TensorProto.metadata_props": true,
	"autodeeplab_onnx.FunctionProto.metadata_props": true, "autodeeplab_onnx.GraphProto.quantization_annotation": true,
	"autodeeplab_onnx.GraphProto.sparse_initializer": true, "autodeeplab_onnx.AttributeProto.sparse_tensor": true,
	"autodeeplab_onnx.AttributeProto.sparse_tensors": true, "autodeeplab_onnx.ModelProto.training_info": true,
	"autodeeplab_onnx.ModelProto.configuration": true, "autodeeplab_onnx.NodeProto.device_configurations": true,
	"autodeeplab_onnx.TypeProto.denotation": true, "autodeeplab_onnx.TensorShapeProto.Dimension.denotation": true,
	"autodeeplab_onnx.TensorProto.segment": true,
}

// count walks the whole message by reflection, so that a field that a later onnx.proto adds below a known message is
// reached without a change here. It does not go into what it counts.
func count(m protoreflect.Message, counts map[string]int) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case wordless[fd.FullName()] && fd.IsList():
			counts[string(fd.Name())] += v.List().Len()
		case wordless[fd.FullName()]:
			counts[string(fd.Name())]++
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				count(v.List().Get(i).Message(), counts)
			}
		default:
			count(v.Message(), counts)
		}
		return true
	})
}
