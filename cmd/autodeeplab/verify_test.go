package main

import (
	"encoding/json"
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// exactModel is a network whose every number is a small integer, so that all machines compute the same bits. fault, if
// not 0, is added to one weight of its second convolution.
func exactModel(t *testing.T, dir, name string, fault float32) {
	t.Helper()
	weights := func(name string, out, in int, fault float32) *onnx.TensorPB {
		w := make([]float32, out*in)
		for i := range w {
			w[i] = float32(i%5 - 2)
		}
		w[len(w)/2] += fault
		return onnx.Encode(name, tensor.Of(w, out, in, 1, 1))
	}
	m := &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{Name: "net",
		Input:       []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(3), onnx.NamedDim("height"), onnx.NamedDim("width")})},
		Initializer: []*onnx.TensorPB{weights("first/weight", 4, 3, 0), weights("second/weight", 3, 4, fault)},
		Node: []*onnx.Node{
			onnx.NewNode("Conv", "first/Conv", []string{"image", "first/weight"}, []string{"first"}),
			onnx.NewNode("Relu", "first/Relu", []string{"first"}, []string{"first/relu"}),
			onnx.NewNode("Conv", "second/Conv", []string{"first/relu", "second/weight"}, []string{"second"}, onnx.AttrInt("group", 1)),
			onnx.NewNode("Relu", "second/Relu", []string{"second"}, []string{"second/relu"}),
			onnx.NewNode("Neg", "head/Neg", []string{"second/relu"}, []string{"logits"}),
		},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(3), onnx.NamedDim("height"), onnx.NamedDim("width")})},
	}}
	if err := onnx.Save(filepath.Join(dir, name), m, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	exactModel(t, dir, "net.onnx", 0)
	exactModel(t, dir, "fault.onnx", 2)
	var all strings.Builder
	for _, args := range []string{
		"verify DIR/net.onnx --against runtime --layers --unfused --input-size 8x8",
		"verify DIR/net.onnx --against onnx-go --input-size 8x8",
		"verify DIR/net.onnx --against DIR/fault.onnx --layers --input-size 8x8",
		"verify DIR/net.onnx --against DIR/fault.onnx --layers --all --input-size 8x8 --unfused",
		"verify DIR/net.onnx --against DIR/fault.onnx --by labels --label-agreement 0.2 --input-size 8x8",
	} {
		o := command(t, dir, args)
		all.WriteString("$ " + args + "\n" + o.stdout + o.stderr + "\n")
	}
	golden(t, "verify.txt", dir, all.String())

	o := command(t, dir, "verify DIR/net.onnx --against DIR/fault.onnx --layers --input-size 8x8 --json")
	var r struct {
		Agree  bool
		Layers struct {
			Different []struct {
				Name string
				Born bool
			}
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || o.status != 1 {
		t.Fatalf("exit %d: %v", o.status, err)
	}
	if r.Agree || len(r.Layers.Different) != 1 || r.Layers.Different[0].Name != "second/Conv" || !r.Layers.Different[0].Born {
		t.Errorf("%+v", r)
	}
}

// TestVerifyPictures gives pictures of several sizes, one of them twice through a folder.
func TestVerifyPictures(t *testing.T) {
	dir := t.TempDir()
	exactModel(t, dir, "net.onnx", 0)
	if err := makeDir(filepath.Join(dir, "photos")); err != nil {
		t.Fatal(err)
	}
	for name, side := range map[string]int{"a.png": 5, "b.png": 9} {
		m := &imageio.Mask{Width: side, Height: side + 2, Labels: make([]uint8, side*(side+2))}
		if err := imageio.WriteMask(filepath.Join(dir, "photos", name), m, []color.RGBA{{R: 9, A: 255}}); err != nil {
			t.Fatal(err)
		}
	}
	text := succeed(t, dir, "verify DIR/net.onnx DIR/photos --against runtime --layers --unfused")
	for _, want := range []string{"a.png: image float[1,3,7,5]", "b.png: image float[1,3,11,9]", "they agree", "134 pixels"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestVerifyUsage(t *testing.T) {
	dir := t.TempDir()
	exactModel(t, dir, "net.onnx", 0)
	for args, want := range map[string]string{
		"verify DIR/net.onnx":                                                        "--against",
		"verify DIR/net.onnx --against":                                              "against",
		"verify DIR/net.onnx --against tensorrt":                                     "want runtime, onnxruntime or onnx-go, or another .onnx",
		"verify DIR/net.onnx --against runtime":                                      "--input-size HxW",
		"verify DIR/net.onnx --against runtime --all":                                "--layers",
		"verify DIR/net.onnx --against runtime --tolerance -1":                       "--tolerance -1",
		"verify DIR/net.onnx --against runtime --label-agreement 2":                  "--label-agreement 2",
		"verify DIR/net.onnx --against runtime --by eye":                             "auto, values or labels",
		"verify DIR/net.onnx --against runtime --layers --match size":                "name or topology",
		"verify DIR/net.onnx --against onnx-go --layers":                             "outputs only",
		"verify DIR/net.onnx --against runtime --shape image":                        "images=1x3x513x513",
		"verify DIR/net.onnx --against runtime --shape image=1x3x4":                  "the model wants float[1,3,height,width]",
		"verify DIR/net.onnx --against runtime --data DIR --layers":                  "no --layers",
		"verify DIR/net.onnx DIR/net.onnx --against runtime --input-size 8x8":        "pictures have a size",
		"verify DIR/net.onnx --against onnxruntime --engine onnxruntime --shape x=1": "onnxruntime",
	} {
		status := exitUsage
		if strings.Contains(args, "--engine onnxruntime") {
			status = exitFailure
		}
		fail(t, dir, args, status, want)
	}
	fail(t, dir, "verify DIR/net.onnx --against DIR/none.onnx --input-size 8x8", exitFailure, "none.onnx")
}
