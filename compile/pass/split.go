package pass

import (
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// split is what a convolution reads, cut into the parts that a pass treats apart and the rest, and its kernel cut along
// with them.
type split struct {
	kernel      *tensor.Tensor
	parts, rest []string // values
	columns     [][]int  // the kernel's input channels of each part
	restColumns []int
	concat      *onnx.Node // nil where the convolution reads its only part directly
}

// splitInput cuts what a convolution of two spatial axes reads: the parts of a concatenation over channels that has no
// other reader, or the whole. It is nil where apart takes no part, where the parts' channels are not known, and where
// the kernel is no constant.
func (g *Graph) splitInput(conv *onnx.Node, values map[string]*op.Info, apart func(value string) bool) (*split, error) {
	s := &split{}
	inputs := conv.Input[:1]
	if n := g.Producer[conv.Input[0]]; n != nil && is(n, "Concat", 2) && g.Uses[conv.Input[0]] == 1 && !g.Fixed[conv.Input[0]] {
		if axis := intAttr(n, "axis", 1); axis == 1 || axis == -3 {
			s.concat, inputs = n, n.Input
		}
	}
	if !slices.ContainsFunc(inputs, apart) {
		return nil, nil // before any weight is decoded
	}
	w, err := g.floats(conv.Input[1])
	if w == nil || err != nil || len(w.Shape) != 4 {
		return nil, err
	}
	s.kernel = w
	at := 0
	for _, in := range inputs {
		v := values[in]
		if v == nil || v.Rank() != 4 || !v.Dims[1].IsKnown() || at+v.Dims[1].Size > w.Shape[1] {
			return nil, nil
		}
		own := span(at, v.Dims[1].Size)
		at += v.Dims[1].Size
		if apart(in) {
			s.parts, s.columns = append(s.parts, in), append(s.columns, own)
		} else {
			s.rest, s.restColumns = append(s.rest, in), append(s.restColumns, own...)
		}
	}
	if at != w.Shape[1] {
		return nil, nil
	}
	return s, nil
}

// read makes a convolution read the rest alone, and gives the node that concatenates it, if there is one. suffix goes
// into the names.
func (s *split) read(g *Graph, conv *onnx.Node, suffix string) []*onnx.Node {
	if len(s.rest) == 1 {
		conv.Input[0] = s.rest[0]
		return nil
	}
	n := onnx.NewNode("Concat", g.freshNode(s.concat.GetName()+suffix), s.rest, []string{g.fresh(s.concat.Output[0] + suffix)}, onnx.AttrInt("axis", 1))
	conv.Input[0] = n.Output[0]
	return []*onnx.Node{n}
}

func span(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

// takeColumns gives the input channels of a kernel that are listed.
func takeColumns(w *tensor.Tensor, columns []int) *tensor.Tensor {
	from := tensor.Data[float32](w)
	area := w.Shape[2] * w.Shape[3]
	data := make([]float32, 0, w.Shape[0]*len(columns)*area)
	for o := range w.Shape[0] {
		row := from[o*w.Shape[1]*area:]
		for _, c := range columns {
			data = append(data, row[c*area:(c+1)*area]...)
		}
	}
	return tensor.Of(data, w.Shape[0], len(columns), w.Shape[2], w.Shape[3])
}
