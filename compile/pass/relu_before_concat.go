package pass

import (
	"slices"

	"autodeeplab/onnx"
)

// relu-before-concat takes the Relu of a concatenation's parts, where nothing reads it without a Relu.
//
//	c = Concat(a, b)                 ra = Relu(a)   rb = Relu(b)
//	r = Relu(c)                      r = Concat(ra, rb)
//	s = Slice(c)   t = Relu(s)   →   t = Slice(r)
//
// The same numbers come out, bit by bit: Relu works on each by itself. A part is then often read under its Relu alone, so
// that engines compute the Relu along with the convolution or the sum that makes the part (common-subexpressions merges
// it with the Relus that are there), and in int8 the parts and the whole need no second scale.
func reluBeforeConcat(g *Graph, _ int) error {
	readers := make(map[string][]*onnx.Node)
	for _, n := range g.GetNode() {
		for _, in := range n.GetInput() {
			readers[in] = append(readers[in], n)
		}
	}
	relus := func(value string) bool {
		return len(readers[value]) > 0 && !g.Fixed[value] && !slices.ContainsFunc(readers[value], func(n *onnx.Node) bool { return !is(n, "Relu", 1) })
	}
	var nodes []*onnx.Node
	dead := make(map[*onnx.Node]bool)
	for _, n := range g.GetNode() {
		nodes = append(nodes, n)
		if !is(n, "Concat", 2) || g.Fixed[n.Output[0]] {
			continue
		}
		whole, direct := n.Output[0], ""
		ok := true
		for _, r := range readers[whole] {
			switch {
			case is(r, "Relu", 1) && !g.Fixed[r.Output[0]]:
				direct = r.Output[0]
			case is(r, "Slice", 1) && r.Input[0] == whole && relus(r.Output[0]) && !slices.ContainsFunc(readers[r.Output[0]], func(n *onnx.Node) bool { return g.Fixed[n.Output[0]] }):
			default:
				ok = false
			}
		}
		if !ok || direct == "" {
			continue
		}
		nodes = nodes[:len(nodes)-1]
		for i, part := range n.Input {
			if p := g.Producer[part]; p != nil && is(p, "Relu", 1) {
				continue
			}
			relu := onnx.NewNode("Relu", g.freshNode(part+"/Relu"), []string{part}, []string{g.fresh(part + "/Relu")})
			nodes = append(nodes, relu)
			n.Input[i] = relu.Output[0]
		}
		nodes = append(nodes, n)
		n.Output[0] = g.fresh(whole + "/Relu")
		for _, r := range readers[whole] {
			if r.OpType == "Relu" {
				g.Replace(r.Output[0], n.Output[0])
				dead[r] = true
				continue
			}
			// A name stands for one value, whatever passes ran: verify compares by names.
			plain := r.Output[0]
			r.Input[0], r.Output[0] = n.Output[0], g.fresh(plain+"/Relu")
			for _, t := range readers[plain] {
				g.Replace(t.Output[0], r.Output[0])
				dead[t] = true
			}
		}
	}
	g.Node = nodes
	g.Remove(dead)
	return nil
}
