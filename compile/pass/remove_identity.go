package pass

import "autodeeplab/onnx"

// remove-identity lets the readers of an Identity read its input.
//
//	b = Identity(a)        c = Relu(a)
//	c = Relu(b)       →
//
// An Identity that makes a graph output stays: the output's name must not change. So does one that a graph inside a
// node reads.
func removeIdentity(g *Graph, _ int) error {
	dead, renamed := make(map[*onnx.Node]bool), make(renames)
	for _, n := range g.GetNode() {
		renamed.read(g, n)
		if !is(n, "Identity", 1) || g.Fixed[n.GetOutput()[0]] || n.GetOutput()[0] == n.GetInput()[0] {
			continue
		}
		renamed[n.GetOutput()[0]] = n.GetInput()[0]
		dead[n] = true
	}
	renamed.finish(g, dead)
	return nil
}
