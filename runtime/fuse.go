package runtime

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/runtime/internal/exec"
)

// fusion is a graph on its way to steps: what its rules look nodes up in.
type fusion struct {
	s     *session
	nodes []*check.NodeInfo
	// By value number.
	maker   map[int]int // the node that makes it
	readers map[int]int // how many nodes read it
}

func (s *session) newFusion(nodes []*check.NodeInfo) *fusion {
	f := &fusion{s: s, nodes: nodes, maker: make(map[int]int), readers: make(map[int]int)}
	for i, n := range nodes {
		for _, v := range s.nums(n.Node.GetInput()) {
			f.readers[v]++
		}
		for _, v := range s.nums(n.Node.GetOutput()) {
			f.maker[v] = i
		}
	}
	return f
}

// relus finds the Relus that a node before them computes along with its own output, where that output goes nowhere else:
// the entry of such a Relu is the node that takes it over, and −1 for all others. The node's output is then the Relu's.
//
//	x → Conv → c → Relu → y      becomes      x → Conv, clamped → y
func (f *fusion) relus(gone []bool, later map[string]*onnx.TensorPB) []int {
	into := make([]int, len(f.nodes))
	for i, n := range f.nodes {
		into[i] = -1
		if gone[i] || n.Node.GetOpType() != "Relu" {
			continue
		}
		name := n.Node.GetInput()[0]
		if k, ok := f.maker[f.s.numbers[name]]; ok && !gone[k] && f.only(name) && exec.TakesRelu(execNode(f.nodes[k], later)) {
			into[i] = k
		}
	}
	return into
}

func execNode(n *check.NodeInfo, later map[string]*onnx.TensorPB) *exec.Node {
	in := n.Node.GetInput()
	return &exec.Node{Name: n.Node.GetName(), Outputs: n.Node.GetOutput(), Call: n.Call, Later: len(in) > 1 && later[in[1]] != nil}
}
