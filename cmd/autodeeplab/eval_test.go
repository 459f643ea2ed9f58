package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// brightness is a network for plainSet: three classes by how bright a pixel is (their grey values are 40, 120 and 200),
// the logits being 0, (x−80)/40 and (x−120)/20: classes change at 80 and at 160. side 0 is dynamic.
func brightness(side int) *onnx.Model {
	return changed(func(g *onnx.Graph) {
		w := make([]float32, 9)
		w[3], w[6] = 1.0/40, 1.0/20
		g.Node = []*onnx.Node{onnx.NewNode("Conv", "conv", []string{"image", "w", "b"}, []string{"logits"})}
		g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(w, 3, 3, 1, 1)), onnx.Encode("b", tensor.Of([]float32{0, -2, -6}, 3))}
		for _, v := range []*onnx.ValueInfo{g.Input[0], g.Output[0]} {
			for axis, name := range map[int]string{2: "h", 3: "w"} {
				d := onnx.FixedDim(side)
				if side == 0 {
					d = onnx.NamedDim(name)
				}
				v.Type.GetTensorType().Shape.Dim[axis] = d
			}
		}
	})
}

// labelled makes a network give labels instead of logits.
func labelled(m *onnx.Model) *onnx.Model {
	m.Graph.Node = append(m.Graph.Node, onnx.NewNode("ArgMax", "argmax", []string{"logits"}, []string{"labels"}, onnx.AttrInt("axis", 1), onnx.AttrInt("keepdims", 0)))
	d := m.Graph.Output[0].Type.GetTensorType().Shape.Dim
	m.Graph.Output[0] = onnx.NewValueInfo("labels", tensor.Int64, []*onnx.Dim{d[0], d[2], d[3]})
	return m
}

// evalFolder has the set of plainSet as data, and networks that see it rightly.
func evalFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	plainSet(t, dir, "data")
	named := brightness(0)
	onnx.SetMetadata(named, compile.KeyClassNames, `["Dark","middle","bright"]`)
	other := brightness(0)
	onnx.SetMetadata(other, compile.KeyClassNames, `["dark","bright","middle"]`)
	put(t, dir, map[string][]byte{
		"net.onnx": marshal(brightness(0)), "fixed.onnx": marshal(brightness(16)), "labels.onnx": marshal(labelled(brightness(16))),
		"named.onnx": marshal(named), "other.onnx": marshal(other), "tiny.onnx": marshal(tiny()),
	})
	return dir
}

// TestEval measures networks that are right everywhere, in every way of seeing pictures that makes no difference to them.
func TestEval(t *testing.T) {
	dir := evalFolder(t)
	for _, args := range []string{
		"DIR/net.onnx", "DIR/named.onnx", "DIR/net.onnx --flip", "DIR/net.onnx --window 16x24 --overlap 0.5 --flip", "DIR/net.onnx --window 100x100",
		"DIR/fixed.onnx", "DIR/fixed.onnx --overlap 0", "DIR/labels.onnx", "DIR/net.onnx --split train --layout plain --threads 1", "DIR/net.onnx --boundary-tolerance 0",
		"DIR/other.onnx --any-class-names",
	} {
		answer := succeed(t, dir, "eval "+args+" --data DIR/data")
		if n := strings.Count(answer, "100.00 %"); n < 9 || !strings.Contains(answer, "mIoU                      100.00 %\n") {
			t.Errorf("%s:\n%s", args, answer)
		}
		if strings.Contains(args, "tolerance 0") == strings.Contains(answer, "boundary F                100.00 %  within 0.75 % of the diagonal") {
			t.Errorf("%s:\n%s", args, answer)
		}
	}
	for args, want := range map[string]string{
		"DIR/net.onnx --scales 0.5,1,2 --flip": "(scales 0.5,1,2; flipped, too)", "DIR/net.onnx --scales paper": "(scales 0.5,0.75,1,1.25,1.5,1.75)",
		"DIR/fixed.onnx --fit shrink": "(shrunk to fit)", "DIR/fixed.onnx": "(windows of 16x16, overlap 0.25)", "DIR/net.onnx --window 8x12 --overlap 0": "(windows of 8x12, overlap 0)",
	} {
		if answer := succeed(t, dir, "eval "+args+" --data DIR/data"); !strings.Contains(answer, want) || strings.Contains(answer, "NaN") {
			t.Errorf("%s lacks %q:\n%s", args, want, answer)
		}
	}
}

// TestEvalReport measures a network that takes bright for middle, on labels without class dark: the numbers can be
// counted by hand.
func TestEvalReport(t *testing.T) {
	dir := evalFolder(t)
	blind := brightness(0)
	blind.Graph.Initializer[1] = onnx.Encode("b", tensor.Of([]float32{0, -2, -60}, 3))
	put(t, dir, map[string][]byte{"blind.onnx": marshal(blind)})
	middle, bright := 0, 0
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, "data/labels/val", name+".png")
		m := decodePNG(t, path).(*image.Gray)
		for i, v := range m.Pix {
			switch v {
			case 0:
				m.Pix[i] = 255
			case 1:
				middle++
			case 2:
				bright++
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		put(t, dir, map[string][]byte{"data/labels/val/" + name + ".png": b.Bytes()})
	}
	answer := succeed(t, dir, "eval DIR/blind.onnx --data DIR/data -o DIR/result.json")
	iou := float64(middle) / float64(middle+bright)
	for _, want := range []string{
		"dark            –          –          –     0.00 %\n", fmt.Sprintf("middle %8.2f %%   100.00 %%", 100*iou), "bright     0.00 %     0.00 %     0.00 %",
		fmt.Sprintf("mIoU                    %8.2f %%  over 2 of 3 classes: the labels have no dark\n", 50*iou), "2 pictures in ",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	text := read(t, filepath.Join(dir, "result.json"))
	if printed := succeed(t, dir, "eval DIR/blind.onnx --data DIR/data --json"); printed != string(text) {
		t.Errorf("--json prints\n%s-o writes\n%s", printed, text)
	}
	var e evaluation
	decodeJSON(t, text, &e)
	if math.Abs(float64(e.MIoU)-iou/2) > 1e-8 || e.Images != 2 || e.Split != "val" || e.Layout != "plain" || !slices.Equal(e.Absent, []string{"dark"}) || !math.IsNaN(float64(e.Classes[0].IoU)) {
		t.Errorf("%+v", e)
	}
	if e.Confusion[2][1] != int64(bright) || e.Confusion[1][1] != int64(middle) || e.Classes[2].Pixels != int64(bright) || e.Classes[1].Predicted != int64(middle+bright) || e.Views.Window != nil {
		t.Errorf("%+v", e)
	}
}

// TestEvalSave writes masks: those of a right network are the labels.
func TestEvalSave(t *testing.T) {
	dir := evalFolder(t)
	answer := succeed(t, dir, "eval DIR/net.onnx --data DIR/data --save DIR/masks/new")
	if !strings.HasSuffix(answer, "/masks/new\n") {
		t.Errorf("the answer is %q", answer)
	}
	if files := listing(t, filepath.Join(dir, "masks/new")); !slices.Equal(files, []string{"a.png", "b.png"}) {
		t.Fatalf("%v were written", files)
	}
	for _, name := range []string{"a.png", "b.png"} {
		have := decodePNG(t, filepath.Join(dir, "masks/new", name)).(*image.Paletted)
		want := decodePNG(t, filepath.Join(dir, "data/labels/val", name)).(*image.Gray)
		if !bytes.Equal(have.Pix, want.Pix) {
			t.Errorf("%s: the mask is not the labels", name)
		}
	}
	// An interrupt leaves whole masks, and none half written.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := execute(ctx, []string{"eval", dir + "/net.onnx", "--data", dir + "/data", "--save", dir + "/stopped"}, nil, &stdout, &stderr); status != exitInterrupted || stderr.String() != "autodeeplab: interrupted\n" {
		t.Errorf("exit %d, %q", status, stderr.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "stopped")); err == nil {
		t.Error("masks were written after the interrupt")
	}
}

// TestEvalPalette has the data set name the classes, of which the labels lack most, and colour the masks.
func TestEvalPalette(t *testing.T) {
	dir := t.TempDir()
	photo, labels := image.NewRGBA(image.Rect(0, 0, 8, 8)), image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range labels.Pix {
		labels.Pix[i] = uint8(i % 3)
		photo.SetRGBA(i%8, i/8, [...]color.RGBA{{200, 0, 0, 255}, {0, 200, 0, 255}, {0, 0, 200, 255}}[i%3])
	}
	for _, split := range []string{"train", "val"} {
		for folder, m := range map[string]image.Image{split: photo, split + "annot": labels} {
			var b bytes.Buffer
			if err := png.Encode(&b, m); err != nil {
				t.Fatal(err)
			}
			put(t, dir, map[string][]byte{filepath.Join("data", folder, "x.png"): b.Bytes()})
		}
	}
	wide := changed(func(g *onnx.Graph) { // CamVid's 11 classes, of which red, green and blue are the first
		w, bias := make([]float32, 33), make([]float32, 11)
		w[0], w[4], w[8] = 1, 1, 1
		for k := 3; k < 11; k++ {
			bias[k] = -1
		}
		g.Node = []*onnx.Node{onnx.NewNode("Conv", "conv", []string{"image", "w", "b"}, []string{"logits"})}
		g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(w, 11, 3, 1, 1)), onnx.Encode("b", tensor.Of(bias, 11))}
		g.Output[0].Type.GetTensorType().Shape.Dim[1] = onnx.FixedDim(11)
	})
	put(t, dir, map[string][]byte{"net.onnx": marshal(wide)})
	answer := succeed(t, dir, "eval DIR/net.onnx --data DIR/data --save DIR/masks")
	if !strings.Contains(answer, "over 3 of 11 classes: the labels have no road, pavement, tree, sign, fence, car, pedestrian, bicyclist\n") {
		t.Errorf("the answer is\n%s", answer)
	}
	m := decodePNG(t, filepath.Join(dir, "masks/x.png")).(*image.Paletted)
	if !bytes.Equal(m.Pix, labels.Pix) || rgb(m.Palette[1]) != [3]uint8{128, 0, 0} {
		t.Errorf("the mask is %v", m.Pix)
	}
	fail(t, dir, "eval DIR/net.onnx --data DIR/data --save DIR/new --save-format voc", exitUsage, "--save-format", "for the classes of voc")
	fail(t, dir, "eval DIR/net.onnx --data DIR/data --save DIR/data/val", exitUsage, "--save", "among the data")
}

// TestEvalErrors holds that each mistake is one line that says what would be accepted, and that nothing is written.
func TestEvalErrors(t *testing.T) {
	dir := evalFolder(t)
	put(t, dir, map[string][]byte{"taken": {1}})
	for _, test := range []struct {
		args   string
		status int
		want   []string
	}{
		{"DIR/net.onnx", exitUsage, []string{"--data FOLDER"}},
		{"--data DIR/data", exitUsage, []string{"one network", "none is given"}},
		{"DIR/net.onnx --data DIR/data --split test", exitUsage, []string{"--split test", "val or train"}},
		{"DIR/net.onnx --data DIR/data --fit crop", exitUsage, []string{"--fit crop", "tile or shrink"}},
		{"DIR/net.onnx --data DIR/data --scales 1,big", exitUsage, []string{"--scales", "0.5,1,1.5"}},
		{"DIR/net.onnx --data DIR/data --scales 0", exitUsage, []string{"scale 0, want 0.1 to 8"}},
		{"DIR/net.onnx --data DIR/data --overlap 1", exitUsage, []string{"--overlap"}},
		{"DIR/net.onnx --data DIR/data --window dynamic", exitUsage, []string{"--window", "HEIGHTxWIDTH"}},
		{"DIR/net.onnx --data DIR/data --window 0x5", exitUsage, []string{"--window", "HEIGHTxWIDTH"}},
		{"DIR/fixed.onnx --data DIR/data --window 16x8", exitUsage, []string{"fixed.onnx", "width 8", "fixed at 16"}},
		{"DIR/fixed.onnx --data DIR/data --fit shrink --flip", exitUsage, []string{"fixed.onnx", "--fit"}},
		{"DIR/labels.onnx --data DIR/data --flip", exitUsage, []string{"labels.onnx", "labels int64[1,16,16]", "logits or probabilities"}},
		{"DIR/labels.onnx --data DIR/data --scales 0.5", exitUsage, []string{"labels.onnx", "no mean can be taken"}},
		{"DIR/net.onnx --data DIR/data --boundary-tolerance 2", exitUsage, []string{"--boundary-tolerance"}},
		{"DIR/net.onnx --data DIR/data --threads -1", exitUsage, []string{"--threads -1"}},
		{"DIR/net.onnx --data DIR/data --engine tensorflow", exitUsage, []string{"--engine tensorflow", "runtime or onnxruntime"}},
		{"DIR/net.onnx --data DIR/data --save-format voc", exitUsage, []string{"--save-format voc", "--save DIR"}},
		{"DIR/net.onnx --data DIR/data --save DIR/new --save-format cityscapes", exitUsage, []string{"for the classes of cityscapes"}},
		{"DIR/net.onnx --data DIR/data --save DIR/new --save-format pascal", exitUsage, []string{`"pascal"`, "cityscapes, voc, index"}},
		{"DIR/net.onnx --data DIR/data --save DIR/taken", exitFailure, []string{"taken"}},
		{"DIR/net.onnx --data DIR/data --layout camvid", exitFailure, []string{"layout camvid has a folder train"}},
		{"DIR/net.onnx --data DIR/none", exitFailure, []string{"none", "no such file"}},
		{"DIR/net.onnx --data DIR/data -o DIR/none/x.json", exitFailure, []string{"none", "no such file"}},
		{"DIR/other.onnx --data DIR/data", exitFailure, []string{"other.onnx", `class 1 is "bright" in the model, "middle" in the data`, "--any-class-names"}},
		{"DIR/two.onnx --data DIR/data", exitFailure, []string{"two.onnx", "the model has 2 classes", "3 (dark, middle, bright)"}},
	} {
		put(t, dir, map[string][]byte{"two.onnx": marshal(changed(func(g *onnx.Graph) {
			g.Node = []*onnx.Node{onnx.NewNode("Conv", "conv", []string{"image", "w"}, []string{"logits"})}
			g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(make([]float32, 6), 2, 3, 1, 1))}
			g.Output[0].Type.GetTensorType().Shape.Dim[1] = onnx.FixedDim(2)
		}))})
		fail(t, dir, "eval "+test.args, test.status, test.want...)
	}
}
