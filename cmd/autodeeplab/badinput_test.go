package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// badInputs is the list of inputs that must be refused: files holds what lies in the folder, args is the command line
// ("DIR" stands for the folder, which also holds the good model net.onnx, the good picture photo.png, the good data set
// data and the folder for results out), and want is what the one line on stderr must say besides the name of the file at fault.
var badInputs = []struct {
	name  string
	files map[string][]byte
	args  string
	fault string // the file that the line must name
	want  string
}{
	{"truncated model", map[string][]byte{"bad.onnx": truncated(marshal(tiny()))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "not an ONNX model"},
	{"wrong magic", map[string][]byte{"bad.onnx": []byte("\x89PNG\r\n\x1a\nnot a model at all")}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "not an ONNX model"},
	{"empty model", map[string][]byte{"bad.onnx": {}}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "empty"},
	{"text for a model", map[string][]byte{"bad.onnx": []byte("hello, world\n")}, "show DIR/bad.onnx", "bad.onnx", "not an ONNX model"},
	{"no such model", nil, "run DIR/none.onnx DIR/photo.png -o DIR/out", "none.onnx", "no such file"},
	{"a folder for a model", nil, "run DIR DIR/photo.png -o DIR/out", "", "folder"},
	{"cyclic graph", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Node[0].Input = []string{"image", "b"}
		g.Node[0].OpType = "Add"
		g.Node = append(g.Node, onnx.NewNode("Relu", "back", []string{"logits"}, []string{"b"}))
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "cycle"},
	{"negative dimension", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Input[0].Type.GetTensorType().Shape.Dim[2] = onnx.FixedDim(-5)
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "-5"},
	{"dimension of 2^62", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Input[0].Type.GetTensorType().Shape.Dim[2] = onnx.FixedDim(1 << 62)
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "limit"},
	{"initializer of 2^62 elements", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Initializer = append(g.Initializer, &onnx.TensorPB{Name: "w", DataType: int32(tensor.Float32), Dims: []int64{1 << 62}})
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", `"w"`},
	{"missing initializer", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("Add", "add", []string{"image", "bias"}, []string{"logits"})
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", `"bias" is not defined`},
	{"wrong rank", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("Conv", "conv", []string{"image", "w"}, []string{"logits"})
		g.Initializer = append(g.Initializer, onnx.Encode("w", tensor.Of([]float32{1, 2, 3}, 3)))
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", `"conv" (Conv)`},
	{"unknown operator", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) { g.Node[0].OpType = "Frobnicate" }))},
		"run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "unknown operator Frobnicate"},
	{"external data in ..", map[string][]byte{"bad.onnx": marshal(external("../secret"))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "../secret"},
	{"external data in a/../..", map[string][]byte{"bad.onnx": marshal(external("a/../../secret"))}, "check DIR/bad.onnx", "bad.onnx", "a/../../secret"},
	{"absolute external data", map[string][]byte{"bad.onnx": marshal(external("/etc/passwd"))}, "show DIR/bad.onnx", "bad.onnx", "/etc/passwd"},
	{"external data missing", map[string][]byte{"bad.onnx": marshal(external("weights.bin"))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "weights.bin"},
	{"external data too short", map[string][]byte{"bad.onnx": marshal(external("weights.bin")), "weights.bin": {1, 2, 3}}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "weights.bin"},
	{"a model that is no segmenter", map[string][]byte{"bad.onnx": marshal(changed(func(g *onnx.Graph) {
		g.Input = append(g.Input, onnx.NewValueInfo("second", tensor.Float32, onnx.FixedDims(1)))
	}))}, "run DIR/bad.onnx DIR/photo.png -o DIR/out", "bad.onnx", "2 inputs"},
	{"a picture that is no picture", map[string][]byte{"bad.jpg": []byte("this is text")}, "run DIR/net.onnx DIR/bad.jpg -o DIR/out", "bad.jpg", "not a picture"},
	{"truncated picture", map[string][]byte{"bad.png": truncated(picture(64, 48))}, "run DIR/net.onnx DIR/bad.png -o DIR/out", "bad.png", "truncated"},
	{"picture over the limit", map[string][]byte{"bad.png": picture(64, 48)}, "run DIR/net.onnx DIR/bad.png -o DIR/out --limit picture-pixels=1000", "bad.png", "--limit picture-pixels"},
	{"truncated picture of a data set", map[string][]byte{"data/images/val/b.png": truncated(picture(40, 36))}, "eval DIR/net.onnx --data DIR/data", "b.png", "truncated"},
	{"labels that are no picture", map[string][]byte{"data/labels/val/b.png": []byte("this is text")}, "eval DIR/net.onnx --data DIR/data", "b.png", "labels must be a PNG"},
	{"labels of another size", map[string][]byte{"data/labels/val/a.png": picture(40, 35)}, "eval DIR/net.onnx --data DIR/data", "a.png", ""},
	{"labels that are no class", map[string][]byte{"data/labels/val/b.png": picture(40, 36)}, "eval DIR/net.onnx --data DIR/data", "b.png", "want 0 to 2, or 255"},
	{"a picture without labels", map[string][]byte{"data/images/val/c.png": picture(40, 36)}, "eval DIR/net.onnx --data DIR/data", "c.png", "no labels of the same name"},
	{"model to measure that is none", map[string][]byte{"bad.onnx": truncated(marshal(tiny()))}, "eval DIR/bad.onnx --data DIR/data", "bad.onnx", "not an ONNX model"},
	{"a picture for a data set", nil, "eval DIR/net.onnx --data DIR/photo.png", "photo.png", "want a folder"},
	{"masks into a file", map[string][]byte{"taken": {1}}, "eval DIR/net.onnx --data DIR/data --save DIR/taken", "taken", ""},
	{"empty folder", map[string][]byte{"empty/": nil}, "run DIR/net.onnx DIR/empty -o DIR/out", "empty", "no picture"},
	{"no such picture", nil, "run DIR/net.onnx DIR/none.jpg -o DIR/out", "none.jpg", "no such file"},
	{"unknown engine", nil, "run DIR/net.onnx DIR/photo.png -o DIR/out --engine tensorflow", "", "onnxruntime"},
	{"unknown flag", nil, "run DIR/net.onnx DIR/photo.png -o DIR/out --threds 2", "", "--threads"},
	{"results into a file", map[string][]byte{"taken": {1}}, "run DIR/net.onnx DIR/photo.png -o DIR/taken", "taken", ""},
	{"architecture with an unknown field", map[string][]byte{"bad.json": []byte(`{"format": "autodeeplab.architecture", "version": 1, "name": "x", "cells": []}`)},
		"compile DIR/bad.json -o DIR/out.onnx", "bad.json", `unknown field "cells"`},
	{"architecture that jumps two levels", map[string][]byte{"bad.json": []byte(`{"format": "autodeeplab.architecture", "version": 1, "name": "x",
		"cell": [[{"input": 0, "op": "sep_conv_3x3"}, {"input": 1, "op": "sep_conv_3x3"}]], "path": [0, 2]}`)},
		"compile DIR/bad.json -o DIR/out.onnx", "bad.json", "path[1]"},
	{"architecture that is no JSON", map[string][]byte{"bad.json": []byte("{\n  \"format\": oops }")}, "summary DIR/bad.json", "bad.json", "line 2"},
	{"input too small for the path", nil, "compile --input-size 4x4 -o DIR/out.onnx", "", "--input-size"},
	{"a checkpoint that is none", map[string][]byte{"bad.pth": []byte("this is text, and of some length")}, "import DIR/bad.pth -o DIR/out.onnx", "bad.pth", "neither a TensorFlow checkpoint"},
	{"a checkpoint that is empty", map[string][]byte{"bad.npz": {}}, "import DIR/bad.npz --list", "bad.npz", "empty"},
	{"no such checkpoint", nil, "import DIR/none.ckpt -o DIR/out.onnx", "none.ckpt", "no such file"},
	{"a folder without a checkpoint", map[string][]byte{"empty/": nil}, "import DIR/empty -o DIR/out.onnx", "empty", "without a TensorFlow checkpoint"},
	{"a cut-off index", map[string][]byte{"bad.index": []byte("no table's end")}, "import DIR/bad -o DIR/out.onnx", "bad.index", "not a table"},
	{"a checkpoint that asks for a pickle of 4 GiB", map[string][]byte{"bad.pth": []byte("\x80\x02B\xff\xff\xff\xff.")}, "import DIR/bad.pth --list", "bad.pth", "not one that torch.save wrote"},
	{"a checkpoint with a header of 2^63 bytes", map[string][]byte{"bad.safetensors": []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}")}, "import DIR/bad.safetensors -o DIR/out.onnx", "bad.safetensors", "header of"},
	{"a checkpoint of other names", map[string][]byte{"bad.safetensors": []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")}, "import DIR/bad.safetensors -o DIR/out.onnx", "bad.safetensors", "--map FILE"},
	{"a picture of an epoch that is cut off", map[string][]byte{"arch.json": []byte(tinyCell), "data/images/train/a.png": truncated(picture(40, 36))},
		"train DIR/arch.json --data DIR/data -o DIR/out --crop 17 --batch 2", "a.png", ""},
	{"labels to train on that are no class", map[string][]byte{"arch.json": []byte(tinyCell), "data/labels/train/b.png": picture(40, 36)},
		"train DIR/arch.json --data DIR/data -o DIR/out --crop 17 --batch 2 --class-weights balanced", "b.png", "want 0 to 2, or 255"},
	{"a network to train that is cut off", map[string][]byte{"bad.onnx": truncated(marshal(tiny()))}, "train DIR/bad.onnx --data DIR/data -o DIR/out --crop 17 --batch 2", "bad.onnx", "not an ONNX model"},
	{"a network to train without weights", nil, "train DIR/net.onnx --data DIR/data -o DIR/out --crop 8 --batch 2", "net.onnx", ""},
	{"weights to begin with that are none", map[string][]byte{"arch.json": []byte(tinyCell), "bad.safetensors": []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")},
		"train DIR/arch.json --data DIR/data -o DIR/out --filters 1 --crop 17 --batch 2 --init-from DIR/bad.safetensors", "bad.safetensors", "no checkpoint of a training"},
	{"training into a file", map[string][]byte{"arch.json": []byte(tinyCell), "taken": {1}}, "train DIR/arch.json --data DIR/data -o DIR/taken --filters 1 --crop 17 --batch 2", "taken", ""},
	{"a report of a folder without a state", map[string][]byte{"empty/": nil}, "report DIR/empty", "checkpoint.safetensors", "no such file"},
	{"a state of something else", map[string][]byte{"other/checkpoint.safetensors": []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")}, "report DIR/other", "checkpoint.safetensors", "no checkpoint of a training, nor of a search"},
	{"compile into a missing folder", nil, "compile --filters 1 --classes 2 --input-size 33x33 -o DIR/none/net.onnx", "none", "no such file"},
}

// tiny is a model that segments: logits are the picture's own channels.
func tiny() *onnx.Model {
	return &onnx.Model{
		IrVersion:   8,
		OpsetImport: []*onnx.OpsetID{{Version: 17}},
		Graph: &onnx.Graph{
			Name:   "tiny",
			Input:  []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, onnx.FixedDims(1, 3, 8, 8))},
			Output: []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, onnx.FixedDims(1, 3, 8, 8))},
			Node:   []*onnx.Node{onnx.NewNode("Relu", "relu", []string{"image"}, []string{"logits"})},
		},
	}
}

func changed(change func(*onnx.Graph)) *onnx.Model {
	m := tiny()
	change(m.Graph)
	return m
}

// external adds an initializer of two floats that lies in another file.
func external(path string) *onnx.Model {
	return changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("Add", "add", []string{"image", "w"}, []string{"logits"})
		g.Initializer = append(g.Initializer, &onnx.TensorPB{
			Name: "w", DataType: int32(tensor.Float32), Dims: []int64{8}, DataLocation: pb.TensorProto_EXTERNAL,
			ExternalData: []*onnx.Property{{Key: "location", Value: path}},
		})
	})
}

// marshal does not go through the package onnx, which might refuse to write such a thing.
func marshal(m *onnx.Model) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

func truncated(data []byte) []byte { return data[:len(data)*2/3] }

func picture(w, h int) []byte {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i >> 3)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestBadInputs(t *testing.T) {
	for _, test := range badInputs {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string][]byte{"net.onnx": marshal(tiny()), "photo.png": picture(20, 10)})
			plainSet(t, dir, "data")
			put(t, dir, test.files)
			before := listing(t, dir)
			var stdout, stderr bytes.Buffer
			status := execute(context.Background(), strings.Fields(strings.ReplaceAll(test.args, "DIR", dir)), nil, &stdout, &stderr)
			if status == 0 {
				t.Error("the command succeeded")
			}
			line := strings.TrimSuffix(stderr.String(), "\n")
			if !strings.HasPrefix(line, "autodeeplab: ") || strings.Contains(line, "\n") || strings.Contains(line, "internal error") {
				t.Errorf("stderr is not one plain line:\n%s", stderr.String())
			}
			if !strings.Contains(line, test.fault) || !strings.Contains(line, test.want) {
				t.Errorf("stderr says %q, want it to name %q and say %q", line, test.fault, test.want)
			}
			after := slices.DeleteFunc(listing(t, dir), func(p string) bool { return p == "out" })
			if !slices.Equal(before, after) {
				t.Errorf("the folder held %v, and now %v", before, after)
			}
		})
	}
}

func put(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// listing names everything below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestGoodInput shows that the folder of TestBadInputs does work with nothing bad in it.
func TestGoodInput(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string][]byte{"net.onnx": marshal(tiny()), "photo.png": picture(20, 10)})
	var stdout, stderr bytes.Buffer
	if status := execute(context.Background(), []string{"run", dir + "/net.onnx", dir + "/photo.png", "-o", dir + "/out"}, nil, &stdout, &stderr); status != 0 {
		t.Fatalf("exit %d: %s", status, stderr.String())
	}
	data, err := os.ReadFile(filepath.Join(dir, "out", "photo.json"))
	if err != nil || !json.Valid(data) {
		t.Errorf("photo.json: %v, %.100s", err, data)
	}
}
