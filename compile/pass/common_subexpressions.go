package pass

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// common-subexpressions computes once what several nodes compute alike.
//
//	a = Relu(x)                a = Relu(x)
//	b = Relu(x)                p = Conv(a, v)
//	p = Conv(a, v)       →     q = Conv(a, w)
//	q = Conv(b, w)
//
// Two nodes are alike if operator, attributes and inputs are, after what was alike before them has been merged; so it
// merges whole branches. Small integer constants (sizes, axes) are merged first. A node that makes a graph output, that
// draws random numbers or that holds a graph stays.
func commonSubexpressions(g *Graph, _ int) error {
	renamed := make(renames)
	g.mergeConstants(renamed)
	first := make(map[string]*onnx.Node)
	dead := make(map[*onnx.Node]bool)
	for _, n := range g.GetNode() {
		renamed.read(g, n)
		key := g.key(n)
		if key == "" {
			continue
		}
		kept, ok := first[key]
		if !ok {
			first[key] = n
			continue
		}
		for i, out := range n.GetOutput() {
			if out != "" {
				renamed[out] = kept.Output[i]
			}
		}
		dead[n] = true
	}
	renamed.finish(g, dead)
	return nil
}

// random are the operators of ai.onnx whose results differ from run to run.
var random = []string{"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"}

// key writes what a node computes, "" for one that must stay.
func (g *Graph) key(n *onnx.Node) string {
	if slices.Contains(random, n.GetOpType()) || len(captured(n)) > 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q", n.GetDomain(), n.GetOpType(), n.GetInput())
	attrs := slices.Clone(n.GetAttribute())
	slices.SortFunc(attrs, func(a, b *onnx.Attribute) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, a := range attrs {
		if a.GetG() != nil || len(a.GetGraphs()) > 0 {
			return ""
		}
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, " %q", data)
	}
	for _, out := range n.GetOutput() {
		if g.Fixed[out] {
			return ""
		}
		fmt.Fprintf(&b, " %t", out == "") // nodes alike have the same outputs left out
	}
	return b.String()
}

// mergedBytes is the largest constant that is compared: those of sizes and axes are far smaller, and weights that
// happen to be equal (biases of 0) should keep their names.
const mergedBytes = 1 << 10

// mergeConstants makes the readers of a small integer constant read the first that is equal.
func (g *Graph) mergeConstants(renamed renames) {
	first := make(map[string]string)
	for _, t := range g.Initializer {
		name := t.GetName()
		if d := tensor.DType(t.GetDataType()); g.Consts[name] == nil || g.Fixed[name] || d != tensor.Int64 || proto.Size(t) > mergedBytes {
			continue
		}
		v, err := onnx.Decode(t)
		if err != nil {
			continue // the checker says what is wrong with it
		}
		key := fmt.Sprint(v.DType, v.Shape, v.Data)
		if kept, ok := first[key]; ok {
			renamed[name] = kept
		} else {
			first[key] = name
		}
	}
}
