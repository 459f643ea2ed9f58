package compile

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// ErrStatistics is wrapped by the errors of StatisticsModel and SetStatistics.
var ErrStatistics = errors.New("batch statistics")

// StatisticsModel gives a model whose one pass over a batch of pictures measures the batch statistics of every
// BatchNormalization of a training form: each is put into training mode with momentum 0, so that the mean and variance
// of its own input become graph outputs, under the names of the initializers they are to replace, beside m's outputs.
// Statistics measured so are exact for that batch and consistent from layer to layer ("precise BN", Wu and Johnson
// 2021, arXiv:2105.07576). ONNX's running_var is the population variance (divided by N·H·W), so that the inference form
// with these statistics gives on the same batch what training mode gave. m is not changed; its opset must be 14 or
// newer, the first whose BatchNormalization has a training mode.
func StatisticsModel(m *onnx.Model) (*onnx.Model, error) {
	if v := onnx.Opset(m); v < 14 {
		return nil, fmt.Errorf("%w: the model is of opset %d, want 14 or newer (--opset)", ErrStatistics, v)
	}
	out := pass.Copy(m)
	found := 0
	for i, n := range out.Graph.Node {
		if n.GetOpType() != "BatchNormalization" {
			continue
		}
		found++
		names := make([]string, 2) // of the outputs: those of the initializers, which are renamed for the node itself
		for k, input := range []int{3, 4} {
			names[k] = n.Input[input]
			t := onnx.Initializers(out.Graph)[names[k]]
			if t == nil {
				return nil, fmt.Errorf("%w: %q of node %q is no initializer", ErrStatistics, names[k], n.GetName())
			}
			at := slices.Index(out.Graph.Initializer, t)
			out.Graph.Initializer[at] = &onnx.TensorPB{Name: names[k] + "/before", DataType: t.DataType, Dims: t.Dims, RawData: t.RawData, FloatData: t.FloatData}
			n.Input[input] = names[k] + "/before"
			out.Graph.Output = append(out.Graph.Output, onnx.NewValueInfo(names[k], tensor.Float32, onnx.FixedDims(int(t.Dims[0]))))
		}
		n.Output = []string{n.Output[0], names[0], names[1]}
		n.Attribute = append(n.Attribute, onnx.AttrInt("training_mode", 1), onnx.AttrFloat("momentum", 0))
		out.Graph.Node[i] = n
	}
	if found == 0 {
		return nil, fmt.Errorf("%w: the model has no BatchNormalization (want a training form: compile --form training)", ErrStatistics)
	}
	return out, nil
}

// SetStatistics writes what a StatisticsModel measured into m's initializers, in place. Every name must be one of m's
// initializers, of the same shape.
func SetStatistics(m *onnx.Model, statistics map[string]*tensor.Tensor) error {
	for _, name := range slices.Sorted(maps.Keys(statistics)) {
		t := statistics[name]
		at := slices.IndexFunc(m.Graph.Initializer, func(p *onnx.TensorPB) bool { return p.GetName() == name })
		if at < 0 {
			return fmt.Errorf("%w: the model has no initializer %q", ErrStatistics, name)
		}
		p := onnx.Encode(name, t)
		if old := m.Graph.Initializer[at]; !slices.Equal(old.GetDims(), p.GetDims()) || old.GetDataType() != p.GetDataType() {
			return fmt.Errorf("%w: %q is %s, the model wants dimensions %v", ErrStatistics, name, t, old.GetDims())
		}
		m.Graph.Initializer[at] = p
	}
	return nil
}
