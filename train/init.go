package train

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// InitFrom takes the weights and moving averages from another network before training begins: an .onnx in training form,
// or the checkpoint of a training, of which the moving average of the weights if it keeps one. Tensors go by their names.
// Where the other network has another number of classes, the layer that depends on it keeps its random weights (the
// paper's pre-training on COCO); leftOut names its tensors. Everything else must be there and fit, or nothing is taken.
func (t *Trainer) InitFrom(path string) (leftOut []string, err error) {
	from, err := readWeights(path)
	if err != nil {
		return nil, err
	}
	taken := make([][]float32, len(t.values))
	var missing []string
	for i, v := range t.values {
		w, ok := from[v.name]
		switch {
		case !ok:
			missing = append(missing, v.name)
		case slices.Equal(w.Shape, v.shape):
			taken[i] = tensor.Data[float32](w)
		case len(w.Shape) == len(v.shape) && len(w.Shape) > 0 && slices.Equal(w.Shape[1:], v.shape[1:]) && v.shape[0] == len(t.data.Classes()):
			leftOut = append(leftOut, v.name)
		default:
			return nil, fmt.Errorf("%s: tensor %s is %s, want %s: the two are not the same network but for the number of classes",
				path, v.name, tensor.FormatShape(w.Shape), tensor.FormatShape(v.shape))
		}
	}
	switch n := len(missing); {
	case n == len(t.values):
		return nil, fmt.Errorf("%s: it has none of the network's weights, want a training form (compile --form training) or a checkpoint of train", path)
	case n > 0:
		return nil, fmt.Errorf("%s: it lacks %s and %d more of the network's %d tensors: the two are not the same network, or this is no training form", path, missing[0], n-1, len(t.values))
	}
	for i, data := range taken {
		if data != nil {
			copy(t.values[i].data, data)
		}
		if t.average != nil {
			copy(t.average[i], t.values[i].data)
		}
	}
	return leftOut, nil
}

// readWeights gives the float tensors of a model or checkpoint by the names of the model's initializers.
func readWeights(path string) (map[string]*tensor.Tensor, error) {
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		m, err := onnx.Load(path, onnx.LoadOptions{})
		if err != nil {
			return nil, err
		}
		return initializers(m, path)
	}
	f, err := kind.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%w; want an .onnx or the checkpoint of a training", err)
	}
	if err := f.Verify(); err != nil {
		return nil, err
	}
	all := make(map[string]*tensor.Tensor)
	for _, prefix := range []string{weightsPrefix, meanPrefix, averagePrefix} { // the last takes the place of the others
		for _, name := range f.Names() {
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				t, _ := f.Tensor(name)
				all[rest] = tensor.Of(t.Data, t.Shape...)
			}
		}
	}
	return all, nil
}

func initializers(m *onnx.Model, path string) (map[string]*tensor.Tensor, error) {
	all := make(map[string]*tensor.Tensor)
	for _, p := range m.GetGraph().GetInitializer() {
		t, err := onnx.Decode(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if t.DType == tensor.Float32 {
			all[p.GetName()] = t
		}
	}
	return all, nil
}

// withInitializers gives a copy of a model with other initializers of the same names. It says no more which seed its
// weights came from.
func withInitializers(m *onnx.Model, now map[string]*tensor.Tensor) (*onnx.Model, error) {
	out := pass.Copy(m)
	out.MetadataProps = slices.DeleteFunc(out.MetadataProps, func(p *onnx.Property) bool { return p.GetKey() == compile.KeySeed })
	left := len(now)
	for i, p := range out.GetGraph().GetInitializer() {
		if t := now[p.GetName()]; t != nil {
			out.Graph.Initializer[i] = onnx.Encode(p.GetName(), t)
			left--
		}
	}
	if left != 0 {
		return nil, fmt.Errorf("the model lacks %d of the %d initializers that were trained", left, len(now))
	}
	return out, nil
}
