package runtime

import (
	"time"

	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime/internal/exec"
)

// NodeRun is what the embedded engine saw of one node in one Run. Nodes that it computes along with another one have
// no NodeRun of their own.
type NodeRun struct {
	Index    int    // of the node in the model's graph
	Name, Op string // the node's
	// Output is the shape of the node's first output, nil if it has none.
	Output []int
	// Method is how the node was computed where there is a choice ("winograd F43", "pointwise" …), and what was computed
	// along with it ("+Relu"); else empty.
	Method string
	// MultiplyAdds is the arithmetic of the node's definition, taps in the padding included, whatever the method made of
	// it; 0 where the operator is none of multiplications and sums.
	MultiplyAdds int64
	// Time is the wall time, CPU the processor time of the whole process, which other programs do not lengthen.
	Time, CPU time.Duration
}

// observed is a step's NodeRun for Options.Observe.
func (st *step) observed(mem *memory, in, out []*tensor.Tensor, took, cpu time.Duration) NodeRun {
	r := NodeRun{Index: st.info.Index, Name: st.info.Node.GetName(), Op: st.info.Node.GetOpType(), Time: took, CPU: cpu}
	if len(out) > 0 && out[0] != nil {
		r.Output = out[0].Shape
	}
	if k, ok := st.kernel.(exec.Describer); ok {
		r.Method, r.MultiplyAdds = k.Describe(&mem.ctx, in, out)
	}
	return r
}
