package compile_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestSetWeights puts the weights of one seed into the network of another, which then is the one that Compile makes of
// those weights; and refuses all that does not fit, changing nothing.
func TestSetWeights(t *testing.T) {
	o := compile.Options{Filters: 1, Classes: 2, Height: 65, Width: 65, Batch: 1, Seed: 1}
	make := func(o compile.Options) *onnx.Model {
		t.Helper()
		m, err := compile.Compile(decode.Published(), o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := make(o)
	o.Seed = 2
	second := make(o)
	weights, err := compile.Weights(first)
	if err != nil {
		t.Fatal(err)
	}
	const name = "cell0/input0/weight"
	for want, change := range map[string]func(w map[string]*tensor.Tensor){
		`tensor "cell0/input0/weight" is <none>, want float[1,128,1,1]`:   func(w map[string]*tensor.Tensor) { delete(w, name) },
		`tensor "cell0/input0/weight" is float[128], want float[1,128,1`:  func(w map[string]*tensor.Tensor) { w[name] = tensor.Of(tensor.Data[float32](w[name]), 128) },
		`the network has no tensor "extra"`:                               func(w map[string]*tensor.Tensor) { w["extra"] = w[name] },
		`tensor "cell0/input0/weight" is double[1,128,1,1], want float[1`: func(w map[string]*tensor.Tensor) { w[name] = tensor.Of(make64(128), 1, 128, 1, 1) },
	} {
		bad := maps.Clone(weights)
		change(bad)
		before := proto.Clone(second)
		if err := compile.SetWeights(second, bad); !errors.Is(err, compile.ErrWeights) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if !proto.Equal(before, second) {
			t.Errorf("%s: the model is another", want)
		}
	}
	if err := compile.SetWeights(second, weights); err != nil {
		t.Fatal(err)
	}
	o.Weights = weights
	if !proto.Equal(second, make(o)) {
		t.Error("the model is not what Compile makes of the weights")
	}
	inference, err := compile.Inference(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := compile.SetWeights(inference, weights); !errors.Is(err, compile.ErrWeights) {
		t.Error(err)
	}
}

func make64(n int) []float64 { return make([]float64, n) }
