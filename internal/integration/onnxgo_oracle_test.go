//go:build oracle

package integration

import (
	"slices"
	"testing"

	onnxgolib "github.com/owulveryck/onnx-go"
	gtensor "gorgonia.org/tensor"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxgo"
)

// TestONNXGoRunsS sends Auto-DeepLab-S, both forms, through onnx-go's decoder and this project's backend for it, and
// wants the bits that the engine gives by itself.
func TestONNXGoRunsS(t *testing.T) {
	const side = 129
	training := trainingForm(t, compile.Sizes[0].Filters, side, side, statistics(t, compile.Sizes[0].Filters, side, side))
	inference, err := compile.Inference(training)
	if err != nil {
		t.Fatal(err)
	}
	image := sample(t, side, side)
	for _, m := range []*onnx.Model{training, inference} {
		want := tensor.Data[float32](run(t, runtime.Embedded, m, image)["logits"])
		data, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		g := onnxgo.New()
		model := onnxgolib.NewModel(g)
		if err := model.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if err := model.SetInput(0, gtensor.New(gtensor.WithShape(1, 3, side, side), gtensor.WithBacking(tensor.Data[float32](image)))); err != nil {
			t.Fatal(err)
		}
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		out, err := model.GetOutputTensors()
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Data().([]float32); !slices.Equal(got, want) {
			t.Errorf("%s form: other logits through onnx-go", onnx.Metadata(m)[compile.KeyForm])
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}
