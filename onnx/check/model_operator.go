package check

import (
	"fmt"
	"slices"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/pb"
)

// resolve looks node i's operator up and checks its attributes and the number of its inputs and outputs.
func (c *checker) resolve(i int) (*op.Call, []Finding) {
	n := c.m.GetGraph().GetNode()[i]
	var findings []Finding
	bad := func(format string, args ...any) { findings = append(findings, c.node(i, "", format, args...)) }
	for _, a := range n.GetAttribute() {
		if why := attributeFault(a); why != "" {
			bad("attribute %q %s", a.GetName(), why)
		}
	}
	if c.opset == 0 {
		return nil, findings
	}
	if n.GetDomain() == "ai.onnx" && !c.imports("ai.onnx") {
		bad(`the node is of domain "ai.onnx", which the model imports as ""; ONNX wants the same name in both places`)
	}
	if n.GetOpType() == "" {
		bad("the node names no operator")
		return nil, findings
	}
	s, err := op.Lookup(n.GetDomain(), n.GetOpType(), c.opset)
	if err != nil {
		bad("%v", err)
		return nil, findings
	}
	// Resolve stops at the first wrong attribute; a fault that was found above would only come up again.
	call, err := op.Resolve(n, c.opset, make([]*op.Info, len(n.GetInput())), c.limits)
	if err != nil && len(findings) == 0 {
		for _, why := range attributeErrors(s, n, err) {
			bad("%v", why)
		}
	}
	for _, why := range arity(s, n) {
		bad("%s", why)
	}
	return call, findings
}

// imports reports whether the model imports an operator set by exactly this name.
func (c *checker) imports(domain string) bool {
	return slices.ContainsFunc(c.m.GetOpsetImport(), func(id *onnx.OpsetID) bool { return id.GetDomain() == domain })
}

// attributeErrors finds all that is wrong with a node's attributes, of which op.ParseAttributes told one: it is asked
// about each attribute alone, then for those that are missing.
func attributeErrors(s *op.Schema, n *onnx.Node, first error) []error {
	var errs []error
	// Asked about one attribute, ParseAttributes must not complain that the others are missing.
	relaxed := *s
	relaxed.Attrs = slices.Clone(s.Attrs)
	for k := range relaxed.Attrs {
		relaxed.Attrs[k].Required = false
	}
	seen := make(map[string]bool)
	for _, a := range n.GetAttribute() {
		if seen[a.GetName()] {
			errs = append(errs, fmt.Errorf("attribute %q stands twice", a.GetName()))
			continue
		}
		seen[a.GetName()] = true
		if _, err := op.ParseAttributes(&relaxed, &onnx.Node{Attribute: []*onnx.Attribute{a}}); err != nil {
			errs = append(errs, err)
		}
	}
	for _, a := range s.Attrs {
		if a.Required && !seen[a.Name] {
			errs = append(errs, fmt.Errorf("required attribute %q (%s) is missing", a.Name, a.Kind))
		}
	}
	if len(errs) == 0 { // something about the node as a whole
		errs = []error{first}
	}
	return errs
}

// arity checks how many inputs and outputs there are, and that none is left out that must be there. Which inputs are
// defined is another question.
func arity(s *op.Schema, n *onnx.Node) []string {
	var out []string
	check := func(what string, names []string, lo, hi int, formal func(int) (op.Param, bool)) {
		if k := len(names); k < lo || k > hi {
			want := fmt.Sprintf("%d to %d", lo, hi)
			switch {
			case lo == hi:
				want = fmt.Sprint(lo)
			case hi > 1<<30:
				want = fmt.Sprintf("%d or more", lo)
			}
			out = append(out, fmt.Sprintf("it has %s, want %s", plural(k, what), want))
		}
		for k, name := range names {
			if p, ok := formal(k); ok && name == "" && p.Option == op.Single {
				out = append(out, fmt.Sprintf("%s %d (%s) is left out, but is not optional", what, k, p.Name))
			}
		}
	}
	check("input", n.GetInput(), s.MinInputs, s.MaxInputs, s.Input)
	check("output", n.GetOutput(), s.MinOutputs, s.MaxOutputs, s.Output)
	// The one operator whose optional outputs come all or none, which minimum and maximum cannot say.
	if k := len(n.GetOutput()); s.Name == "BatchNormalization" && k > 1 && k < s.MaxOutputs {
		out = append(out, fmt.Sprintf("it has %d outputs, want 1 or %d", k, s.MaxOutputs))
	}
	return out
}

// plural counts things in English.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// attributeFault says what is wrong with an attribute on its own, whatever its operator: ONNX wants its type stated,
// its value in the field of that type and no other field in use. "" means nothing is.
func attributeFault(a *onnx.Attribute) string {
	kind := a.GetType()
	if kind == pb.AttributeProto_UNDEFINED {
		return "has no type"
	}
	for _, f := range []struct {
		kind pb.AttributeProto_AttributeType
		used bool
	}{
		{pb.AttributeProto_FLOAT, a.GetF() != 0}, {pb.AttributeProto_INT, a.GetI() != 0},
		{pb.AttributeProto_STRING, len(a.GetS()) > 0}, {pb.AttributeProto_TENSOR, a.GetT() != nil},
		{pb.AttributeProto_GRAPH, a.GetG() != nil}, {pb.AttributeProto_TYPE_PROTO, a.GetTp() != nil},
		{pb.AttributeProto_SPARSE_TENSOR, a.GetSparseTensor() != nil}, {pb.AttributeProto_FLOATS, len(a.GetFloats()) > 0},
		{pb.AttributeProto_INTS, len(a.GetInts()) > 0}, {pb.AttributeProto_STRINGS, len(a.GetStrings()) > 0},
		{pb.AttributeProto_TENSORS, len(a.GetTensors()) > 0}, {pb.AttributeProto_GRAPHS, len(a.GetGraphs()) > 0},
		{pb.AttributeProto_TYPE_PROTOS, len(a.GetTypeProtos()) > 0},
		{pb.AttributeProto_SPARSE_TENSORS, len(a.GetSparseTensors()) > 0},
	} {
		if f.used && f.kind != kind {
			return fmt.Sprintf("is of type %s, but holds a value of type %s", word(kind), word(f.kind))
		}
	}
	return ""
}

// word is the name of a type as the text form writes it.
func word(kind pb.AttributeProto_AttributeType) string { return strings.ToLower(kind.String()) }
