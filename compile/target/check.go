package target

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// Violation is something of a model that a target does not take.
type Violation struct {
	// Node and Op are empty for what is of the model as a whole.
	Node, Op string
	// What is found, in words; Table what the table says; Avoid the flag of compile that gives another form, or why there is
	// none.
	What, Table, Avoid string
}

// String is the violation in a line.
func (v Violation) String() string {
	text := v.What
	if v.Op != "" {
		text = fmt.Sprintf("node %q (%s): %s", v.Node, v.Op, v.What)
	}
	return onnx.Printable(fmt.Sprintf("%s; %s (%s)", text, v.Table, v.Avoid))
}

// What compile can do about a violation.
const (
	avoidOpset     = "compile --opset %d"
	avoidInput     = "compile --input float"
	avoidLabels    = "compile --label-type int32"
	avoidPrecision = "compile its float form, or --precision fp32"
	avoidResize    = "the forms that compile makes of an architecture have align_corners and half_pixel, linear; no flag changes another network's"
	avoidNothing   = "no flag of compile changes it"
	avoidSymmetric = "compile --precision int8 --int8-symmetric"
)

// Check lists what of m the tables do not take, node by node in the file's order. Of a model that this project's inference
// does not understand, types are left out and the error says so; the violations are right nevertheless.
func Check(m *onnx.Model, tables []*Table) ([]Violation, error) {
	r, err := check.Infer(m, check.Options{})
	c := &checker{m: m, opset: onnx.Opset(m), result: r, outer: make(map[string]bool)}
	for _, v := range append(slices.Clone(m.GetGraph().GetInput()), m.GetGraph().GetOutput()...) {
		c.outer[v.GetName()] = true
	}
	if r != nil {
		c.calls = make(map[int]*check.NodeInfo, len(r.Nodes))
		for _, n := range r.Nodes {
			c.calls[n.Index] = n
		}
	}
	for _, t := range tables {
		c.t = t
		c.model()
		for i, n := range m.GetGraph().GetNode() {
			c.node(i, n)
		}
	}
	return c.list, err
}

// checker goes through a model with one table after another.
type checker struct {
	m      *onnx.Model
	t      *Table
	opset  int
	result *check.Result
	calls  map[int]*check.NodeInfo
	outer  map[string]bool // graph inputs and outputs
	list   []Violation
}

// says begins what the table says with the engine: Generic has several.
func (c *checker) says(format string, args ...any) string {
	return c.t.Engine + " " + fmt.Sprintf(format, args...)
}

func (c *checker) add(n *onnx.Node, what, table, avoid string) {
	v := Violation{What: what, Table: table, Avoid: avoid}
	if n != nil {
		v.Node, v.Op = n.GetName(), n.GetOpType()
	}
	c.list = append(c.list, v)
}

// model checks what is of the model as a whole.
func (c *checker) model() {
	if c.opset < c.t.Low || c.opset > c.t.High {
		c.add(nil, fmt.Sprintf("the model imports ai.onnx %d", c.opset), c.says("takes %d to %d", c.t.Low, c.t.High), fmt.Sprintf(avoidOpset, min(max(c.opset, c.t.Low), c.t.High)))
	}
	inits := onnx.Initializers(c.m.GetGraph())
	for _, v := range c.m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; !ok {
			c.io("input", v, avoidInput)
		}
	}
	for _, v := range c.m.GetGraph().GetOutput() {
		c.io("output", v, avoidLabels)
	}
}

// Takes says whether a model's inputs and outputs may be of a type.
func (t *Table) Takes(d tensor.DType) bool { return slices.Contains(t.io, d) }

// Symmetric says whether quantised numbers must have zero points of 0.
func (t *Table) Symmetric() bool {
	return slices.ContainsFunc(t.rules["QuantizeLinear"], func(r rule) bool { return r.kind == "zero" })
}

func (c *checker) io(what string, v *onnx.ValueInfo, avoid string) {
	d := tensor.DType(v.GetType().GetTensorType().GetElemType())
	if d.IsFloat() {
		avoid = avoidPrecision
	}
	if d != tensor.Undefined && !slices.Contains(c.t.io, d) {
		c.add(nil, fmt.Sprintf("%s %q is of type %s", what, v.GetName(), d), c.says("takes %s", names(c.t.io)), avoid)
	}
}

func (c *checker) node(i int, n *onnx.Node) {
	if d := n.GetDomain(); d != "" && d != "ai.onnx" {
		c.add(n, fmt.Sprintf("it is of domain %q", d), c.says("has a table of ai.onnx only"), avoidNothing)
		return
	}
	rows, ok := c.t.ops[n.GetOpType()]
	if !ok {
		c.add(n, "the operator", c.says("does not list it"), avoidNothing)
		return
	}
	k := slices.IndexFunc(rows, func(r row) bool { return c.opset >= r.low && c.opset <= r.high })
	switch {
	case k < 0 && c.opset >= c.t.Low && c.opset <= c.t.High:
		c.add(n, fmt.Sprintf("the operator in ai.onnx %d", c.opset), c.says("lists it for %s", spans(rows)), fmt.Sprintf(avoidOpset, rows[len(rows)-1].low))
		return
	case k < 0: // reported of the model
		k = len(rows) - 1
	}
	if call := c.calls[i]; call != nil {
		c.types(call, rows[k])
	}
	for _, r := range c.t.rules[n.GetOpType()] {
		c.rule(n, c.calls[i], r)
	}
}

// mainOutput lists the operators of which the table's types are the output's, mainInput those of which they are another
// input's than the first.
var (
	mainOutput = map[string]bool{"ConstantOfShape": true, "EyeLike": true, "Constant": true, "RandomNormal": true, "RandomUniform": true}
	mainInput  = map[string]int{"Where": 1}
)

func (c *checker) types(call *check.NodeInfo, r row) {
	n, name := call.Node, call.Node.GetOpType()
	check := func(what, value string, d tensor.DType, variable string) {
		allowed, ok := r.types[variable]
		if !ok || d == tensor.Undefined || slices.Contains(allowed, d) {
			return
		}
		if as, ok := c.t.widen[d]; ok && slices.Contains(allowed, as) {
			return
		}
		c.add(n, fmt.Sprintf("%s %q is of type %s", what, value, d), c.says("lists %s", names(allowed)), avoidType(n, d))
	}
	for k, in := range call.Call.In {
		if in == nil {
			continue
		}
		p, _ := call.Call.Schema.Input(k)
		value := n.GetInput()[k]
		check("input", value, in.DType, p.TypeVar)
		if k == mainInput[name] && !mainOutput[name] {
			check("input", value, in.DType, "main")
		}
		if slices.Contains(c.t.onlyIO, in.DType) && !c.outer[value] && in.Value == nil {
			c.add(n, fmt.Sprintf("input %q is of type %s", value, in.DType), c.says("takes that for inputs and outputs of the network only"), avoidType(n, in.DType))
		}
	}
	for k := range call.Call.Out {
		if k >= len(n.GetOutput()) || n.GetOutput()[k] == "" {
			continue
		}
		p, _ := call.Call.Schema.Output(k)
		d, value := call.Call.Out[k].DType, n.GetOutput()[k]
		if !shared(call.Call, p.TypeVar) { // else the input has been reported
			check("output", value, d, p.TypeVar)
		}
		if k == 0 {
			check("output", value, d, "out")
			if mainOutput[name] {
				check("output", value, d, "main")
			}
		}
	}
}

// shared says whether an input is of the type variable, too.
func shared(c *op.Call, variable string) bool {
	for k := range c.In {
		if p, _ := c.Schema.Input(k); p.TypeVar == variable {
			return true
		}
	}
	return false
}

func avoidType(n *onnx.Node, d tensor.DType) string {
	switch n.GetOpType() {
	case "QuantizeLinear", "DequantizeLinear":
		return avoidSymmetric
	}
	switch d {
	case tensor.Float16, tensor.BFloat16, tensor.Float64:
		return avoidPrecision
	case tensor.Uint8:
		return avoidInput + " or " + strings.TrimPrefix(avoidLabels, "compile ")
	}
	return avoidNothing
}

// rule checks what else is asked for of a node; call is nil where inference did not get so far.
func (c *checker) rule(n *onnx.Node, call *check.NodeInfo, r rule) {
	switch r.kind {
	case "attr":
		if v, ok := attribute(n, call, r.name); ok && !slices.Contains(r.values, v) {
			c.add(n, fmt.Sprintf("attribute %s = %s", r.name, v), c.says("lists %s", strings.Join(r.values, ", ")), avoidAttribute(n))
		}
	case "no-attr":
		for _, a := range n.GetAttribute() {
			if slices.Contains(r.values, a.GetName()) {
				c.add(n, "attribute "+a.GetName(), c.says("does not take it"), avoidNothing)
			}
		}
	case "ones":
		for _, a := range n.GetAttribute() {
			if a.GetName() == r.name && slices.ContainsFunc(a.GetInts(), func(v int64) bool { return v != 1 }) {
				c.add(n, "attribute "+onnx.AttributeText(a), c.says("wants it to be all ones"), avoidNothing)
			}
		}
	case "outputs":
		if k := len(slices.DeleteFunc(slices.Clone(n.GetOutput()), func(s string) bool { return s == "" })); k > r.high {
			c.add(n, fmt.Sprintf("%d outputs", k), c.says("takes at most %d", r.high), avoidNothing)
		}
	case "rank":
		if in := input(call, r.input); in != nil && in.HasRank() && (in.Rank() < r.low || in.Rank() > r.high) {
			c.add(n, fmt.Sprintf("input %q has %d axes", n.GetInput()[r.input], in.Rank()), c.says("takes %d to %d", r.low, r.high), avoidNothing)
		}
	case "constant":
		if in := input(call, r.input); in != nil && in.Value == nil {
			c.add(n, fmt.Sprintf("input %q is computed", n.GetInput()[r.input]), c.says("wants an initializer"), avoidNothing)
		}
	case "zero":
		if in := input(call, r.input); in != nil && (in.Value == nil || !zeros(in.Value)) {
			c.add(n, fmt.Sprintf("input %q is not 0", n.GetInput()[r.input]), c.says("wants zero points of 0"), avoidSymmetric)
		}
	}
}

func avoidAttribute(n *onnx.Node) string {
	if n.GetOpType() == "Resize" {
		return avoidResize
	}
	return avoidNothing
}

func input(call *check.NodeInfo, k int) *op.Info {
	if call == nil {
		return nil
	}
	return call.Call.Input(k)
}

func zeros(t *tensor.Tensor) bool {
	v, err := t.Ints()
	return err == nil && !slices.ContainsFunc(v, func(x int) bool { return x != 0 })
}

// attribute gives an attribute in a word, its default where the node does not have it.
func attribute(n *onnx.Node, call *check.NodeInfo, name string) (string, bool) {
	if call != nil {
		switch v := call.Call.Attrs[name].(type) {
		case string:
			return v, true
		case int64:
			return fmt.Sprint(v), true
		}
		return "", false
	}
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			if a.GetType() == pb.AttributeProto_STRING {
				return string(a.GetS()), true
			}
			return fmt.Sprint(a.GetI()), true
		}
	}
	return "", false
}

func names(list []tensor.DType) string {
	words := make([]string, len(list))
	for i, d := range list {
		words[i] = d.String()
	}
	return strings.Join(words, ", ")
}

func spans(rows []row) string {
	var words []string
	for _, r := range rows {
		if r.high == math.MaxInt {
			words = append(words, fmt.Sprintf("%d and later", r.low))
		} else {
			words = append(words, fmt.Sprintf("%d to %d", r.low, r.high))
		}
	}
	return strings.Join(words, ", ")
}
