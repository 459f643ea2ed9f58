//go:build oracle

package evaluate_test

import (
	"context"
	"testing"

	"autodeeplab/evaluate"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// TestViewsInONNXRuntime has ONNX Runtime give what TestViews has the embedded engine give.
func TestViewsInONNXRuntime(t *testing.T) { testViews(t, engine(t)) }

// TestRunInONNXRuntime has both engines measure the same.
func TestRunInONNXRuntime(t *testing.T) {
	set := rgbSet(t)
	o := evaluate.Options{Scales: []float64{0.75, 1.5}, Flip: true, BoundaryTolerance: evaluate.DefaultBoundaryTolerance}
	a, err := evaluate.Run(context.Background(), open(t, argmaxOfRGB()), set, set.Val, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := evaluate.Run(context.Background(), openIn(t, engine(t), argmaxOfRGB()), set, set.Val, o)
	if err != nil {
		t.Fatal(err)
	}
	for truth := range 3 {
		for prediction := range 3 {
			if a, b := a.Confusion.Count(truth, prediction), b.Confusion.Count(truth, prediction); a != b {
				t.Errorf("%d pixels of %d are taken for %d, with ONNX Runtime %d", a, truth, prediction, b)
			}
		}
	}
}

func engine(t *testing.T) runtime.Engine {
	t.Helper()
	e, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	return e
}
