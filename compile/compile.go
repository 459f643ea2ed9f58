package compile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"autodeeplab/compile/pass"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Version is what models say of the compiler that made them. It changes when the compiler writes other bytes for the
// same architecture and options, and only then: two builds of one version must write the same file.
const Version = "0.2"

// ErrWeights is wrapped by the errors for weights that do not fit the network exactly.
var ErrWeights = errors.New("the weights do not fit")

// irVersions gives the IR version of each opset: the one of the ONNX release that brought the opset, which is what
// every engine that knows the opset reads.
var irVersions = []struct{ opset, ir int }{
	{11, 6}, {12, 7}, {15, 8}, {19, 9}, {21, 10}, {23, 11}, {24, 12}, {25, 13},
}

func irVersion(opset int) int64 {
	ir := 0
	for _, v := range irVersions {
		if opset >= v.opset {
			ir = v.ir
		}
	}
	return int64(ir)
}

// Compile lowers an architecture to the network of Auto-DeepLab §4.2 and §5 (specification §4) and gives it the form
// asked for. The same architecture and options give the same model, byte for byte, on every machine. Errors about
// options wrap ErrOptions and name the flag; errors about weights wrap ErrWeights; an invalid architecture is a
// *decode.FieldError.
func Compile(a *decode.Architecture, o Options) (*onnx.Model, error) {
	if err := o.check(a); err != nil {
		return nil, err
	}
	measure := &weights{measuring: true}
	lower(a, o, measure, false)
	if measure.total > maxWeights {
		return nil, fmt.Errorf("%w: %d filters and %d classes make %d weights, want at most %d (--filters, --classes)",
			ErrOptions, o.Filters, o.Classes, measure.total, maxWeights)
	}
	w := &weights{seed: o.Seed, given: o.Weights, used: make(map[string]bool)}
	m := &onnx.Model{
		IrVersion:       irVersion(o.Opset),
		OpsetImport:     []*onnx.OpsetID{{Version: int64(o.Opset)}},
		ProducerName:    "autodeeplab",
		ProducerVersion: Version,
		Graph:           lower(a, o, w, false),
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	if err := setMetadata(m, a, &o); err != nil {
		return nil, err
	}
	if o.Form == InferenceForm {
		return Inference(m)
	}
	return m, nil
}

// Inference gives the inference form of a training form: the passes of compile/pass fold each BatchNormalization into
// the convolution before it and remove what no output needs. m is not changed; the result shares the tensors that the
// passes leave alone.
func Inference(m *onnx.Model) (*onnx.Model, error) {
	out := pass.Copy(m)
	if err := pass.Run(out, pass.Inference, nil); err != nil {
		return nil, err
	}
	onnx.SetMetadata(out, KeyForm, InferenceForm.String())
	return out, nil
}

// Weights gives the initializers of a training form by name, as Options.Weights takes them.
func Weights(m *onnx.Model) (map[string]*tensor.Tensor, error) {
	if form := onnx.Metadata(m)[KeyForm]; form != TrainingForm.String() {
		return nil, fmt.Errorf("%w: the model is of form %q, want a training form (compile --form training)", ErrWeights, form)
	}
	out := make(map[string]*tensor.Tensor)
	for _, p := range m.GetGraph().GetInitializer() {
		if !isWeight(p.GetName()) {
			continue
		}
		t, err := onnx.Decode(p)
		if err != nil {
			return nil, err
		}
		out[p.GetName()] = t
	}
	return out, nil
}

// SetWeights writes weights into a training form, in place: all that Weights gives of it, of the same shapes, and no
// others, or none of them. The model then says no more which seed it was made from.
func SetWeights(m *onnx.Model, weights map[string]*tensor.Tensor) error {
	own, err := Weights(m)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		have, want := weights[name], own[name]
		if have == nil || have.DType != want.DType || !slices.Equal(have.Shape, want.Shape) {
			return fmt.Errorf("%w: tensor %q is %s, want %s", ErrWeights, name, have, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if own[name] == nil {
			return fmt.Errorf("%w: the network has no tensor %q", ErrWeights, name)
		}
	}
	for i, p := range m.GetGraph().GetInitializer() {
		if t := weights[p.GetName()]; t != nil {
			m.Graph.Initializer[i] = onnx.Encode(p.GetName(), t)
		}
	}
	m.MetadataProps = slices.DeleteFunc(m.MetadataProps, func(p *onnx.Property) bool { return p.GetKey() == KeySeed })
	return nil
}

// isWeight tells the weights of a network that Compile made, whatever its form, by their names from constants of the
// graph: the normalisation, the size of a resize.
func isWeight(name string) bool {
	return strings.HasSuffix(name, "/weight") || strings.HasSuffix(name, "/bias") || strings.Contains(name, "/bn/")
}
