package main

import (
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// weighted is tiny with a convolution, whose weights are abbreviated, and a bias, which is not.
func weighted() *onnx.Model {
	return changed(func(g *onnx.Graph) {
		w := make([]float32, 27)
		for i := range w {
			w[i] = float32(i-13) / 8
		}
		g.Node = []*onnx.Node{
			onnx.NewNode("Conv", "stem/conv", []string{"image", "stem/weight", "stem/bias"}, []string{"features"}, onnx.AttrInts("pads", 1, 1, 1, 1), onnx.AttrInt("group", 3)),
			onnx.NewNode("Relu", "", []string{"features"}, []string{"logits"}),
		}
		g.Initializer = []*onnx.TensorPB{
			onnx.Encode("stem/weight", tensor.Of(w, 3, 1, 3, 3)),
			onnx.Encode("stem/bias", tensor.Of([]float32{-1, 0, 0.5}, 3)),
		}
	})
}

func TestShow(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string][]byte{"net.onnx": marshal(weighted())})
	golden(t, "show.txt", "", succeed(t, dir, "show DIR/net.onnx"))
	full := succeed(t, dir, "show DIR/net.onnx --full")
	golden(t, "show-full.txt", "", full)
	parsed, err := onnx.Parse(full)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range weighted().GetGraph().GetInitializer() {
		was, err := onnx.Decode(w)
		if err != nil {
			t.Fatal(err)
		}
		is, err := onnx.Decode(parsed.GetGraph().GetInitializer()[i])
		if err != nil || onnx.Encode("", was).String() != onnx.Encode("", is).String() {
			t.Errorf("%s comes back as %v (%v)", w.GetName(), is, err)
		}
	}
	for i, n := range weighted().GetGraph().GetNode() {
		if !proto.Equal(n, parsed.GetGraph().GetNode()[i]) {
			t.Errorf("%v comes back as %v", n, parsed.GetGraph().GetNode()[i])
		}
	}
	fail(t, dir, "show DIR/none.onnx", exitFailure, "none.onnx: no such file")
}

// TestShowCompiled holds the structure of a compiled network: what the compiler emits for one cell after the other.
func TestShowCompiled(t *testing.T) {
	dir := folder(t)
	for _, form := range []string{"training", "inference"} {
		succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size 33x65 -o DIR/net.onnx --form "+form)
		golden(t, "show-"+form+".txt", dir, succeed(t, dir, "show "+filepath.Join(dir, "net.onnx")))
	}
}
