//go:build oracle

package integration

import (
	"context"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// one is a single calibration picture.
type one struct{ *tensor.Tensor }

func (o one) Len() int                       { return 1 }
func (o one) At(int) (*tensor.Tensor, error) { return o.Tensor, nil }

// TestInt8AgreesWithONNXRuntime runs S in 8 bits, as compile --precision int8 writes it, on both engines. They round
// alike (see TestByteRulesAgreeWithONNXRuntime), but ONNX Runtime resizes bytes in other arithmetic, so that stored numbers
// differ by one here and there, which sixty layers of random weights make much of: either engine is as far from the
// other as from the float network. What is held is that ours is no farther from that than ONNX Runtime is.
func TestInt8AgreesWithONNXRuntime(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	const h, w = 129, 193
	training := trainingForm(t, compile.Sizes[0].Filters, h, w, statistics(t, compile.Sizes[0].Filters, 129, 129))
	inference, err := compile.Inference(training)
	if err != nil {
		t.Fatal(err)
	}
	image := sample(t, h, w)
	stored, _, err := precision.Convert(context.Background(), inference, precision.Options{Kind: precision.Int8, Pictures: one{image}})
	if err != nil {
		t.Fatal(err)
	}
	float := run(t, runtime.Embedded, inference, image)["logits"]
	ours, theirs := run(t, runtime.Embedded, stored, image)["logits"], run(t, ort, stored, image)["logits"]
	a, o := compare(t, ours, float), compare(t, theirs, float)
	t.Logf("ours and ONNX Runtime's: %v", compare(t, ours, theirs))
	t.Logf("ours and float: %v; ONNX Runtime's and float: %v", a, o)
	if a.maxDiff > 1.3*o.maxDiff || a.labels < o.labels-0.003 {
		t.Errorf("ours is farther from float than ONNX Runtime's")
	}
}
