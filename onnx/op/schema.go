// Package op knows the operators of ai.onnx: for each one and each opset version its inputs, outputs, attributes and
// types (schemas_gen.go, generated from ONNX's own registry), and its shape rule, one file an operator family.
//
// A shape rule is the only place that computes an output shape: the checker, the planner and the runtime (for shapes
// known only at run time) all call Infer.
package op

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"autodeeplab/onnx/tensor"
)

// OldestOpset is the oldest version of the ai.onnx operator set that this project reads.
const OldestOpset = 7

// Option says how often a parameter occurs.
type Option uint8

// The three options of ONNX's formal parameters.
const (
	Single Option = iota
	Optional
	Variadic
)

// TypeSet is a set of element types, bit 1<<DType for each.
type TypeSet uint32

// Has reports whether d is in the set.
func (s TypeSet) Has(d tensor.DType) bool { return d >= 0 && d < 32 && s&(1<<uint(d)) != 0 }

// String lists the types, "float, double".
func (s TypeSet) String() string {
	var names []string
	for d := tensor.DType(0); d < 32; d++ {
		if s.Has(d) {
			names = append(names, d.String())
		}
	}
	return strings.Join(names, ", ")
}

// Param is one formal input or output. Params with the same TypeVar have the same element type in one node, unless
// Mixed is set (a variadic parameter whose members may differ).
type Param struct {
	Name    string
	Option  Option
	TypeVar string
	Types   TypeSet
	Mixed   bool
}

// Kind is the kind of an attribute's value.
type Kind uint8

// The kinds that operators of this package use.
const (
	Int Kind = iota + 1
	Float
	String
	TensorAttr
	Ints
	Floats
	Strings
	GraphAttr
	SparseTensorAttr
)

var kindNames = [...]string{Int: "int", Float: "float", String: "string", TensorAttr: "tensor", Ints: "ints",
	Floats: "floats", Strings: "strings", GraphAttr: "graph", SparseTensorAttr: "sparse_tensor"}

func (k Kind) String() string { return kindNames[k] }

// Attr is one formal attribute. Default is nil, int64, float32, string or []int64.
type Attr struct {
	Name     string
	Kind     Kind
	Required bool
	Default  any
}

// Schema is one operator as it stands from opset Since until the next schema of the same name.
type Schema struct {
	Name                   string
	Since                  int
	Deprecated             bool
	Inputs, Outputs        []Param
	MinInputs, MaxInputs   int
	MinOutputs, MaxOutputs int
	Attrs                  []Attr
}

// byName holds, for each operator, its schemas with rising Since.
var byName = func() map[string][]*Schema {
	m := make(map[string][]*Schema)
	for i := range schemas {
		s := &schemas[i]
		m[s.Name] = append(m[s.Name], s)
	}
	return m
}()

// ErrUnknownOp is wrapped by the error for an operator that this package does not know.
var ErrUnknownOp = errors.New("unknown operator")

// Lookup finds the schema of an operator of domain "" or "ai.onnx" at an opset version. The error wraps ErrUnknownOp,
// and says so if the operator exists but is newer than the opset, or was withdrawn before it.
func Lookup(domain, opType string, opset int) (*Schema, error) {
	if domain != "" && domain != "ai.onnx" {
		return nil, fmt.Errorf("%w %s of domain %q (only the default domain ai.onnx is known)", ErrUnknownOp, opType, domain)
	}
	list := byName[opType]
	var best *Schema
	for _, s := range list {
		if s.Since <= opset {
			best = s
		}
	}
	switch {
	case len(list) == 0:
		return nil, fmt.Errorf("%w %s", ErrUnknownOp, opType)
	case best == nil:
		return nil, fmt.Errorf("%w %s at opset %d (it exists from opset %d)", ErrUnknownOp, opType, opset, list[0].Since)
	case best.Deprecated:
		return nil, fmt.Errorf("%w %s at opset %d (withdrawn at opset %d)", ErrUnknownOp, opType, opset, best.Since)
	}
	return best, nil
}

// Names lists the known operators in alphabetical order.
func Names() []string {
	var names []string
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Attr finds a formal attribute by name.
func (s *Schema) Attr(name string) (Attr, bool) {
	for _, a := range s.Attrs {
		if a.Name == name {
			return a, true
		}
	}
	return Attr{}, false
}

// Input gives the formal parameter of the i-th actual input (the last one repeats if it is variadic).
func (s *Schema) Input(i int) (Param, bool) { return formal(s.Inputs, i) }

// Output gives the formal parameter of the i-th actual output.
func (s *Schema) Output(i int) (Param, bool) { return formal(s.Outputs, i) }

func formal(ps []Param, i int) (Param, bool) {
	if n := len(ps); i >= n {
		if n == 0 || ps[n-1].Option != Variadic {
			return Param{}, false
		}
		i = n - 1
	}
	return ps[i], true
}
