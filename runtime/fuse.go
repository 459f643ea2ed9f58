package runtime

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/runtime/internal/exec"
)

// fuse finds the nodes that another one can compute along with its own output, where that output goes nowhere else: the
// entry of such a node is the one that takes it over, and −1 for all others. Node i's output is then that of the node
// it took over.
//
//	x → Conv → c → Relu → y      becomes      x → Conv, clamped → y
func (s *session) fuse(nodes []*check.NodeInfo, later map[string]*onnx.TensorPB) []int {
	into := make([]int, len(nodes))
	maker, readers := make(map[int]int), make(map[int]int) // by value number
	for i, n := range nodes {
		into[i] = -1
		for _, v := range s.nums(n.Node.GetInput()) {
			readers[v]++
		}
		for _, v := range s.nums(n.Node.GetOutput()) {
			maker[v] = i
		}
	}
	for i, n := range nodes {
		if s.unfused || n.Node.GetOpType() != "Relu" {
			continue
		}
		v := s.nums(n.Node.GetInput())[0]
		if k, ok := maker[v]; ok && v >= 0 && readers[v] == 1 && !s.values[v].output && exec.TakesRelu(execNode(nodes[k], later)) {
			into[i] = k
		}
	}
	return into
}

func execNode(n *check.NodeInfo, later map[string]*onnx.TensorPB) *exec.Node {
	in := n.Node.GetInput()
	return &exec.Node{Name: n.Node.GetName(), Outputs: n.Node.GetOutput(), Call: n.Call, Later: len(in) > 1 && later[in[1]] != nil}
}
