package precision

import (
	"fmt"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// kind is how an operator takes part in int8.
type kind int

const (
	outside kind = iota // it computes in float
	product             // a convolution: int8 where its weights are constants
	join                // it computes in int8 what it reads in int8, to a range of its own
	move                // it moves or picks numbers, which keep their scale
)

// kinds of operators. GlobalAveragePool is outside: an average over a whole map is worth more than 8 bits, and what reads
// it is a single pixel.
var kinds = map[string]kind{
	"Conv": product,
	"Add":  join, "Mul": join, "Concat": join, "Relu": join, "Clip": join, "LeakyRelu": join, "Sigmoid": join, "AveragePool": join,
	"Slice": move, "MaxPool": move, "Resize": move, "Reshape": move, "Transpose": move, "Squeeze": move, "Unsqueeze": move, "Flatten": move,
}

// clamps are the operators that a quantisation's range computes along with what stands before them.
var clamps = map[string]bool{"Relu": true, "Clip": true}

// minChannels is how many input channels a convolution must have to compute in int8. One of a picture's three is no faster
// so (its products do not fill a vector), and it alone reads the picture in full.
const minChannels = 5

// plan says which nodes of a graph compute in int8, and what is quantised.
//
// A value is quantised where an int8 node reads or makes it. An int8 node is worth its while where another convolution
// reads what comes of it, at whatever distance: behind the last one come the scores, which keep float, and so does that
// one.
type plan struct {
	*graph
	// int8 holds the nodes that compute in int8; clamped those of them that the node before computes along with its own.
	int8    map[*onnx.Node]bool
	clamped map[*onnx.Node]bool
	// quantized holds the values that are quantised, in the order of the graph.
	quantized []string
	is        map[string]bool // the same as a set
	// made holds the values that int8 nodes make, quantised or on the way to their clamp.
	made map[string]bool
	// float lists the convolutions that stay float.
	float []Kept
	// symmetric is Options.Symmetric.
	symmetric bool
}

// newPlan plans g. over gives the reasons for which convolutions are to stay float, by node.
func newPlan(g *graph, o *Options, over map[*onnx.Node]string) *plan {
	p := &plan{graph: g, symmetric: o.Symmetric, int8: make(map[*onnx.Node]bool), clamped: make(map[*onnx.Node]bool), is: make(map[string]bool), made: make(map[string]bool)}
	wanted := p.wanted()
	for _, n := range g.Node {
		switch k := p.kind(n); {
		case k == product:
			reason := p.floatReason(n, wanted)
			if o.kept(n.GetName()) {
				reason = "asked for"
			} else if over[n] != "" {
				reason = over[n]
			}
			if reason != "" {
				p.float = append(p.float, Kept{n.GetName(), n.GetOpType(), reason})
				continue
			}
		case k == outside:
			if products[n.GetOpType()] {
				p.float = append(p.float, Kept{n.GetName(), n.GetOpType(), n.GetOpType() + " has no int8 form here"})
			}
			continue
		case !wanted[n.Output[0]] || !p.readsInt8(n, k) || o.kept(n.GetName()):
			continue
		}
		p.int8[n] = true
		p.made[n.Output[0]] = true
		if before := p.maker[n.Input[0]]; clamps[n.OpType] && p.int8[before] && p.kind(before) != move && len(p.readers[n.Input[0]]) == 1 && !p.output[n.Input[0]] {
			p.clamped[n] = true
		}
	}
	p.collect()
	return p
}

// products are the operators of multiplications whose precision is worth telling.
var products = map[string]bool{"Conv": true, "ConvTranspose": true, "MatMul": true, "Gemm": true}

// kind classifies a node, with its attributes and types.
func (g *graph) kind(n *onnx.Node) kind {
	if !plain(n) || !g.float(n.Input[0]) {
		return outside
	}
	k := kinds[n.GetOpType()]
	switch n.GetOpType() {
	case "Conv":
		if g.convReason(n) != "" {
			return product // one that stays float, and is told
		}
	case "Add", "Mul", "Concat":
		if slices.ContainsFunc(n.Input, func(v string) bool { return !g.float(v) }) {
			return outside
		}
	case "Clip":
		// The range is that of what comes out, so that any constant bounds do; a lower one above 0 would exclude 0.
		if v := g.info[at(n.Input, 1)]; v != nil && (v.Value == nil || v.DType != tensor.Float32 || v.Value.Len() != 1 || tensor.Data[float32](v.Value)[0] > 0) {
			return outside
		}
	case "Resize":
		if mode := stringAttr(n, "mode", "nearest"); mode != "nearest" && mode != "linear" || stringAttr(n, "coordinate_transformation_mode", "") == "tf_crop_and_resize" {
			return outside
		}
	}
	return k
}

// convReason says why a convolution cannot compute in int8 whatever stands around it.
func (g *graph) convReason(n *onnx.Node) string {
	w := g.consts[n.Input[1]]
	switch {
	case w == nil || tensor.DType(w.GetDataType()) != tensor.Float32 || len(w.GetDims()) < 3:
		return "its weights are no float32 constants"
	case at(n.Input, 2) != "" && g.consts[n.Input[2]] == nil:
		return "its bias is no constant"
	}
	return ""
}

// floatReason says why a convolution stays float, "" if it does not.
func (p *plan) floatReason(n *onnx.Node, wanted map[string]bool) string {
	if r := p.convReason(n); r != "" {
		return r
	}
	in, out := p.info[n.Input[0]], p.info[n.Output[0]]
	switch {
	case in.Rank() > 1 && in.Dims[1].IsKnown() && in.Dims[1].Size < minChannels:
		return fmt.Sprintf("it reads the picture: %d channels are no faster in int8", in.Dims[1].Size)
	case onePixel(out):
		return "it computes a single pixel"
	case !wanted[n.Output[0]]:
		return "it makes the scores: no convolution reads what comes of it"
	}
	return ""
}

// onePixel reports whether a map has one pixel.
func onePixel(v *op.Info) bool {
	return v.Rank() > 2 && !slices.ContainsFunc(v.Dims[2:], func(d op.Dim) bool { return d.Size != 1 })
}

// wanted are the values that a convolution reads, as such or after nodes that can compute in int8.
func (p *plan) wanted() map[string]bool {
	wanted := make(map[string]bool)
	for _, n := range slices.Backward(p.Node) {
		switch p.kind(n) {
		case product:
			wanted[n.Input[0]] = true
		case join, move:
			if wanted[n.Output[0]] {
				for _, v := range p.activations(n) {
					wanted[v] = true
				}
			}
		}
	}
	return wanted
}

// activations are the inputs of a node that it computes with: not weights, axes, sizes or bounds.
func (g *graph) activations(n *onnx.Node) []string {
	switch n.GetOpType() {
	case "Add", "Mul", "Concat":
		return n.Input
	}
	return n.Input[:1]
}

// readsInt8 reports whether a node reads what an int8 node makes: a move nothing else, a join one of its inputs at least.
func (p *plan) readsInt8(n *onnx.Node, k kind) bool {
	return slices.ContainsFunc(p.activations(n), func(v string) bool { return p.made[v] })
}

// collect lists what is quantised.
func (p *plan) collect() {
	add := func(v string) {
		if !p.is[v] {
			p.is[v] = true
			p.quantized = append(p.quantized, v)
		}
	}
	for _, n := range p.Node {
		if !p.int8[n] {
			continue
		}
		if !p.clamped[n] {
			for _, v := range p.activations(n) {
				add(v)
			}
		}
		if r := p.readers[n.Output[0]]; len(r) != 1 || !p.clamped[r[0]] {
			add(n.Output[0])
		}
	}
}

// root is the value whose range v has: v, or what it was moved from.
func (p *plan) root(v string) string {
	for {
		n := p.maker[v]
		if n == nil || !p.int8[n] || p.kind(n) != move {
			return v
		}
		v = n.Input[0]
	}
}

// ranged are the values whose ranges are to be known.
func (p *plan) ranged() []string {
	var list []string
	seen := make(map[string]bool)
	for _, v := range p.quantized {
		if r := p.root(v); !seen[r] {
			seen[r] = true
			list = append(list, r)
		}
	}
	return list
}

// at gives an element, "" where there is none.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}
