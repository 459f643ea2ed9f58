package main

import (
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	bad := changed(func(g *onnx.Graph) {
		g.Node = []*onnx.Node{
			onnx.NewNode("Conv", "stem", []string{"image", "w"}, []string{"a"}, onnx.AttrInts("stride", 2, 2)),
			onnx.NewNode("Relu", "", []string{"nothing"}, []string{"b"}),
			onnx.NewNode("Add", "sum", []string{"image", "image"}, []string{"logits"}),
			onnx.NewNode("Frobnicate", "odd", []string{"image"}, []string{"c"}),
		}
		g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(make([]float32, 27), 1, 3, 3, 3))}
		g.Output = append(g.Output, onnx.NewValueInfo("d", tensor.Float32, onnx.FixedDims(1)))
	})
	put(t, dir, map[string][]byte{"good.onnx": marshal(tiny()), "bad.onnx": marshal(bad), "one.onnx": marshal(changed(func(g *onnx.Graph) { g.Name = "" })), "text.onnx": []byte("hello")})
	if have := command(t, dir, "check DIR/good.onnx DIR/good.onnx"); have.status != 0 || have.stderr != "" {
		t.Errorf("a good model: exit %d, stderr %q", have.status, have.stderr)
	} else {
		golden(t, "check-good.txt", dir, have.stdout)
	}
	fail(t, dir, "check DIR/one.onnx", exitFailure, "1 finding")
	fail(t, dir, "check DIR/text.onnx", exitFailure, "text.onnx: ", "not an ONNX model")
	fail(t, dir, "check DIR/bad.onnx", exitFailure, "findings")
	golden(t, "check-bad.txt", dir, command(t, dir, "check DIR/good.onnx DIR/bad.onnx DIR/text.onnx DIR/one.onnx DIR/none.onnx").stdout)
}
