package runtime_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// TestTap wants the tap of the unfused engine to see the output of every node of a network, and the fused engine to show
// the same numbers for all that it shows: the reference is another session whose outputs are all inner values.
func TestTap(t *testing.T) {
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 4, Classes: 5, Height: 33, Width: 49, Batch: 1, Form: compile.InferenceForm, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	image := make([]float32, 3*33*49)
	for i := range image {
		image[i] = float32(i * 37 % 256)
	}
	inputs := map[string]*tensor.Tensor{"image": tensor.Of(image, 1, 3, 33, 49)}
	seen := func(unfused bool) map[string]*tensor.Tensor {
		got := make(map[string]*tensor.Tensor)
		s, err := runtime.Embedded.LoadModel(m, runtime.Options{Unfused: unfused, Tap: func(name string, v *tensor.Tensor) { got[name] = v.Clone() }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 2 { // the second run works in the memory of the first
			clear(got)
			if _, err := s.Run(context.Background(), inputs); err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	all, shown := seen(true), seen(false)
	var names []string
	for _, n := range m.GetGraph().GetNode() {
		for _, out := range n.GetOutput() {
			if out != "" {
				names = append(names, out)
			}
		}
	}
	slices.Sort(names)
	if have := slices.Sorted(maps.Keys(all)); !slices.Equal(have, names) {
		t.Errorf("the unfused engine shows %d values, the graph has %d", len(have), len(names))
	}
	if len(shown) >= len(all) || len(shown) < len(all)/2 {
		t.Errorf("the fused engine shows %d of %d values", len(shown), len(all))
	}
	open := onnx.Graph{Name: "open", Node: m.Graph.Node, Input: m.Graph.Input, Initializer: m.Graph.Initializer}
	for _, name := range names {
		open.Output = append(open.Output, onnx.NewValueInfo(name, all[name].DType, nil))
	}
	s, err := runtime.Embedded.LoadModel(&onnx.Model{IrVersion: m.IrVersion, OpsetImport: m.OpsetImport, Graph: &open}, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	for which, got := range map[string]map[string]*tensor.Tensor{"unfused": all, "fused": shown} {
		for name, v := range got {
			if v.String() != want[name].String() {
				t.Fatalf("%s: %s is %s, want %s", which, name, v, want[name])
			}
			if a, b := tensor.Data[float32](v), tensor.Data[float32](want[name]); !slices.Equal(a, b) {
				t.Errorf("%s: the numbers of %s differ", which, name)
			}
		}
	}
}
