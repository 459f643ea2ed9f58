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
	at := make(map[string]int) // of the initializers
	for i, t := range out.GetGraph().GetInitializer() {
		at[t.GetName()] = i
	}
	found := 0
	for i, n := range out.GetGraph().GetNode() {
		if n.GetOpType() != "BatchNormalization" {
			continue
		}
		found++
		if len(n.GetInput()) != 5 || len(n.GetOutput()) == 0 {
			return nil, fmt.Errorf("%w: node #%d %q has %d inputs and %d outputs, want 5 and 1", ErrStatistics, i, n.GetName(), len(n.GetInput()), len(n.GetOutput()))
		}
		n.Output = n.Output[:1]
		for k, name := range n.Input[3:] {
			place, ok := at[name]
			if !ok {
				return nil, fmt.Errorf("%w: %q of node %q is no initializer of its own", ErrStatistics, name, n.GetName())
			}
			delete(at, name) // two nodes cannot both measure it
			// The output takes the initializer's name, so that SetStatistics knows where it belongs.
			t := shallow(out.Graph.Initializer[place])
			t.Name = name + "/before"
			out.Graph.Initializer[place] = t
			n.Input[3+k] = t.Name
			n.Output = append(n.Output, name)
			out.Graph.Output = append(out.Graph.Output, onnx.NewValueInfo(name, tensor.Float32, dims(t)))
		}
		n.Attribute = slices.DeleteFunc(n.Attribute, func(a *onnx.Attribute) bool {
			return a.GetName() == "training_mode" || a.GetName() == "momentum"
		})
		n.Attribute = append(n.Attribute, onnx.AttrInt("training_mode", 1), onnx.AttrFloat("momentum", 0))
	}
	if found == 0 {
		return nil, fmt.Errorf("%w: the model has no BatchNormalization (want a training form: compile --form training)", ErrStatistics)
	}
	return out, nil
}

// shallow gives a tensor that shares its data with t.
func shallow(t *onnx.TensorPB) *onnx.TensorPB {
	return &onnx.TensorPB{
		DataType: t.DataType, Dims: t.Dims, RawData: t.RawData, FloatData: t.FloatData,
		DataLocation: t.DataLocation, ExternalData: t.ExternalData,
	}
}

func dims(t *onnx.TensorPB) []*onnx.Dim {
	out := make([]*onnx.Dim, len(t.GetDims()))
	for i, d := range t.GetDims() {
		out[i] = onnx.FixedDim(int(d))
	}
	return out
}

// SetStatistics writes what a StatisticsModel measured into m's initializers, in place: all, or none where one does not
// fit. Every name must be one of m's initializers, of the same shape.
func SetStatistics(m *onnx.Model, statistics map[string]*tensor.Tensor) error {
	at := make(map[string]int)
	for i, p := range m.GetGraph().GetInitializer() {
		at[p.GetName()] = i
	}
	fitting := make(map[int]*onnx.TensorPB)
	for _, name := range slices.Sorted(maps.Keys(statistics)) {
		place, ok := at[name]
		if !ok {
			return fmt.Errorf("%w: the model has no initializer %q", ErrStatistics, name)
		}
		p := onnx.Encode(name, statistics[name])
		if old := m.Graph.Initializer[place]; !slices.Equal(old.GetDims(), p.GetDims()) || old.GetDataType() != p.GetDataType() {
			return fmt.Errorf("%w: %q is %s, the model wants dimensions %v", ErrStatistics, name, statistics[name], old.GetDims())
		}
		fitting[place] = p
	}
	for place, p := range fitting {
		m.Graph.Initializer[place] = p
	}
	return nil
}
