package pass

import (
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// knownElems is the largest initializer whose contents inference is told: shapes, axes and scales are far shorter, and
// decoding every weight for each pass would cost more than the passes.
const knownElems = 1 << 12

// values gives what inference knows of every value of the graph as it stands: types, shapes, and small contents.
func (g *Graph) values(opset int) (map[string]*op.Info, error) {
	r, err := Infer(&onnx.Model{OpsetImport: []*onnx.OpsetID{{Version: int64(opset)}}, Graph: g.Graph})
	if err != nil {
		return nil, err
	}
	return r.Values, nil
}

// Infer is check.Infer without the contents of weights: an initializer of more than a few thousand elements is known by
// type and shape only, and whether its data fit these is not looked at.
func Infer(m *onnx.Model) (*check.Result, error) {
	g := shallow(m.GetGraph())
	initializers := g.Initializer
	inputs := make(map[string]bool)
	for _, in := range g.Input {
		inputs[in.GetName()] = true
	}
	g.Initializer, g.Input = nil, slices.Clone(g.Input)
	for _, t := range initializers {
		elems := int64(1)
		dims := make([]*onnx.Dim, len(t.GetDims()))
		for i, d := range t.GetDims() {
			dims[i] = onnx.FixedDim(int(d))
			if elems <= knownElems {
				elems *= max(d, 0)
			}
		}
		if elems <= knownElems || inputs[t.GetName()] {
			g.Initializer = append(g.Initializer, t)
			continue
		}
		g.Input = append(g.Input, onnx.NewValueInfo(t.GetName(), tensor.DType(t.GetDataType()), dims))
	}
	return check.Infer(&onnx.Model{OpsetImport: m.GetOpsetImport(), Graph: g}, check.Options{})
}

// same reports whether two dimensions are known to be equal.
func same(a, b op.Dim) bool {
	if a.IsKnown() || b.IsKnown() {
		return a.Size == b.Size
	}
	return a.Name == b.Name && a.Name != ""
}
