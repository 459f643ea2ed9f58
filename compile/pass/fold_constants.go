package pass

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// foldBudget is the largest constant, in bytes, that a pass may put in a node's place: enough for any shape, mean or
// table of indices, and too little for a file to grow by feature maps that a node makes out of a few numbers.
const foldBudget = 1 << 16

// fold-constants computes the nodes that read constants alone.
//
//	a = Constant<value = 2>()
//	b = Add(a, k)                   b = {5}     an initializer
//	c = Mul(x, b)              →    c = Mul(x, b)
//
// What such a node makes is what inference finds, which is exact, for integers, and for floats up to the few hundred
// elements that means and scales have; the rest is left to the engines. Nothing larger than foldBudget is written. A
// node that makes a graph output stays, because an output must be made by a node.
func foldConstants(g *Graph, opset int) error {
	return g.fold(opset, func(n *onnx.Node) bool {
		for _, in := range n.GetInput() {
			if in != "" && g.Consts[in] == nil {
				return false
			}
		}
		return true
	})
}

// fold puts initializers in the place of the nodes that may takes, where all that they make is known and small. may is
// asked in the graph's order, when the folded nodes before are initializers already.
func (g *Graph) fold(opset int, may func(*onnx.Node) bool) error {
	values, err := g.values(opset)
	if err != nil {
		return err
	}
	dead := make(map[*onnx.Node]bool)
	for _, n := range g.GetNode() {
		made := make(map[string]*tensor.Tensor)
		for _, out := range n.GetOutput() {
			if out == "" {
				continue
			}
			if v := values[out]; v != nil && v.Value != nil && v.Value.Bytes() <= foldBudget && !g.Fixed[out] {
				made[out] = v.Value
			} else {
				made = nil
				break
			}
		}
		if len(made) == 0 || !may(n) {
			continue
		}
		for _, out := range n.GetOutput() {
			if out != "" {
				g.setConst(out, made[out])
			}
		}
		dead[n] = true
	}
	g.Remove(dead)
	return nil
}
