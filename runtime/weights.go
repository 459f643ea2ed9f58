package runtime

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime/internal/exec"
)

// Convolutions pack their weights into forms of their own, several times as large as the weights where Winograd's
// algorithms are used. So that the model's bytes, the decoded tensor and the packed form do not all stand in memory for
// all convolutions at once, their weights are decoded one after another as they are bound, and kept in decoded form only
// where a run may need yet another form.

// laterElems is the size from which weights are worth it.
const laterElems = 1 << 10

// maxGarbage is how many bytes of decoded weights may wait for the garbage collector while a model is loaded, and from
// which size on a file's bytes are given back to the system at once: left to itself, the collector would let the heap
// grow to twice the file.
const maxGarbage = 32 << 20

// onnxBytes is how much memory the initializers' bytes take.
func onnxBytes(m *onnx.Model) int {
	n := 0
	for _, t := range m.GetGraph().GetInitializer() {
		n += len(t.GetRawData())
	}
	return n
}

// packedWeights finds the initializers that are float32 weights of one Conv each and nothing else.
func packedWeights(m *onnx.Model) map[string]*onnx.TensorPB {
	g := m.GetGraph()
	uses, weights := make(map[string]int), make(map[string]int)
	for _, n := range g.GetNode() {
		for i, in := range n.GetInput() {
			uses[in]++
			if i == 1 && n.GetOpType() == "Conv" && (n.GetDomain() == "" || n.GetDomain() == "ai.onnx") {
				weights[in]++
			}
		}
	}
	for _, v := range g.GetInput() {
		uses[v.GetName()]++
	}
	for _, v := range g.GetOutput() {
		uses[v.GetName()]++
	}
	later := make(map[string]*onnx.TensorPB)
	for _, t := range g.GetInitializer() {
		name := t.GetName()
		if weights[name] == 1 && uses[name] == 1 && tensor.DType(t.GetDataType()) == tensor.Float32 && len(t.GetRawData()) >= 4*laterElems {
			later[name] = t
		}
	}
	return later
}

// decodeWeights gives node, which is n's, the contents of its weights if they were left for later.
func (s *session) decodeWeights(node *exec.Node, n *onnx.Node, later map[string]*onnx.TensorPB) error {
	if n.GetOpType() != "Conv" || later[n.GetInput()[1]] == nil {
		return nil
	}
	t, err := onnx.Decode(later[n.GetInput()[1]])
	if err != nil {
		return err
	}
	info := *node.In[1]
	info.Value = t
	node.In[1] = &info
	return nil
}

// keepWeights makes weights that were left for later the session's constants: as a shape alone where the kernel has all
// that it will ever need. It returns how many bytes of decoded weights nobody refers to any more.
func (s *session) keepWeights(node *exec.Node, st step, later map[string]*onnx.TensorPB) (garbage int) {
	if st.info.Node.GetOpType() != "Conv" || later[st.info.Node.GetInput()[1]] == nil {
		return 0
	}
	t := node.In[1].Value
	if k, ok := st.kernel.(exec.Packer); ok && k.Packed() {
		garbage = t.Bytes()
		t = &tensor.Tensor{DType: t.DType, Shape: t.Shape, Data: []float32(nil)}
		info := *node.In[1]
		info.Value = nil
		node.In[1] = &info
	}
	s.values[st.in[1]].constant = t
	return garbage
}

// withoutInitializers is m as far as inference reads it, so that a session does not keep the weights' bytes.
func withoutInitializers(m *onnx.Model) *onnx.Model {
	g := m.GetGraph()
	return &onnx.Model{IrVersion: m.GetIrVersion(), OpsetImport: m.GetOpsetImport(), Graph: &pb.GraphProto{
		Name: g.GetName(), Node: g.GetNode(), Input: g.GetInput(), Output: g.GetOutput(), ValueInfo: g.GetValueInfo(),
	}}
}
