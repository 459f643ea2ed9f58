package evaluate_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// views is testdata/views.json.
type views struct {
	Height, Width int
	Picture       string
	Weights, Bias []float32
	Cases         []viewCase
}

type viewCase struct {
	Name                  string
	Scales                []float64
	Flip, Rounded, Labels bool
	Window                [2]int
	Overlap               float64
	Stride                int
	Mask                  string
	Unsure, Places        []int
	Probabilities         [][]float32
}

func (c *viewCase) options(threads int) evaluate.Options {
	return evaluate.Options{Scales: c.Scales, Flip: c.Flip, Window: evaluate.Size{Height: c.Window[0], Width: c.Window[1]}, Overlap: c.Overlap, Threads: threads}
}

func readViews(t *testing.T) (views, *dataset.Pair) {
	t.Helper()
	var v views
	readJSON(t, "testdata/views.json", &v)
	rgb, err := base64.StdEncoding.DecodeString(v.Picture)
	if err != nil {
		t.Fatal(err)
	}
	return v, &dataset.Pair{Height: v.Height, Width: v.Width, RGB: rgb}
}

// form is a way in which the network of views.json takes and gives its values.
type form struct {
	height, width int // 0: dynamic
	stride        int
	bytes         bool         // uint8 NHWC instead of float32 NCHW
	last          string       // operator after the logits
	labels        tensor.DType // of ArgMax's result
}

func (v *views) model(f form) *onnx.Model {
	side := func(n int, name string) *onnx.Dim {
		if n == 0 {
			return onnx.NamedDim(name)
		}
		return onnx.FixedDim(n)
	}
	h, w := side(f.height, "h"), side(f.width, "w")
	in, image := onnx.NewValueInfo("image", tensor.Float32, []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(3), h, w}), "image"
	var nodes []*onnx.Node
	if f.bytes {
		in = onnx.NewValueInfo("image", tensor.Uint8, []*onnx.Dim{onnx.FixedDim(1), h, w, onnx.FixedDim(3)})
		nodes = append(nodes, onnx.NewNode("Cast", "cast", []string{"image"}, []string{"float"}, onnx.AttrInt("to", int(tensor.Float32))),
			onnx.NewNode("Transpose", "transpose", []string{"float"}, []string{"planes"}, onnx.AttrInts("perm", 0, 3, 1, 2)))
		image = "planes"
	}
	classes := len(v.Bias)
	nodes = append(nodes, onnx.NewNode("Conv", "conv", []string{image, "weights", "bias"}, []string{"logits"},
		onnx.AttrInts("pads", 1, 1, 1, 1), onnx.AttrInts("strides", f.stride, f.stride)))
	any4 := []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(classes), onnx.NamedDim("oh"), onnx.NamedDim("ow")}
	out := onnx.NewValueInfo("logits", tensor.Float32, any4)
	switch f.last {
	case "Softmax":
		nodes = append(nodes, onnx.NewNode("Softmax", "softmax", []string{"logits"}, []string{"probabilities"}, onnx.AttrInt("axis", 1)))
		out = onnx.NewValueInfo("probabilities", tensor.Float32, any4)
	case "ArgMax":
		nodes = append(nodes, onnx.NewNode("ArgMax", "argmax", []string{"logits"}, []string{"labels64"}, onnx.AttrInt("axis", 1), onnx.AttrInt("keepdims", 0)),
			onnx.NewNode("Cast", "labels", []string{"labels64"}, []string{"labels"}, onnx.AttrInt("to", int(f.labels))))
		out = onnx.NewValueInfo("labels", f.labels, []*onnx.Dim{onnx.FixedDim(1), onnx.NamedDim("oh"), onnx.NamedDim("ow")})
	}
	return &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{
		Name: "views", Node: nodes, Input: []*onnx.ValueInfo{in}, Output: []*onnx.ValueInfo{out},
		Initializer: []*onnx.TensorPB{onnx.Encode("weights", tensor.Of(v.Weights, classes, 3, 3, 3)), onnx.Encode("bias", tensor.Of(v.Bias, classes))},
	}}
}

func open(t *testing.T, m *onnx.Model) runtime.Session {
	t.Helper()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// forms are those that must give a case's numbers.
func (c *viewCase) forms() []form {
	f := form{stride: c.Stride, bytes: c.Rounded}
	if c.Labels {
		f.last = "ArgMax"
	}
	forms := []form{f}
	if c.Window[0] != 0 {
		f.height, f.width = c.Window[0], c.Window[1]
		forms = append(forms, f)
	}
	if c.Labels {
		var typed []form
		for _, f := range forms {
			for _, d := range []tensor.DType{tensor.Uint8, tensor.Int32, tensor.Int64} {
				f.labels = d
				typed = append(typed, f)
			}
		}
		return typed
	}
	if len(c.Scales) == 0 && c.Stride == 1 { // without interpolation it does not matter who takes the softmax
		f.last = "Softmax"
		forms = append(forms, f)
	}
	return forms
}

// TestViews compares scales, flips and windows with SciPy's way of them (testdata/views.py), for networks of dynamic and
// of fixed size, of floats and of bytes, that give logits, probabilities and labels.
func TestViews(t *testing.T) {
	v, pair := readViews(t)
	for _, c := range v.Cases {
		for _, f := range c.forms() {
			t.Run(fmt.Sprintf("%s %+v", c.Name, f), func(t *testing.T) {
				s := open(t, v.model(f))
				mask, probabilities, err := evaluate.Predict(context.Background(), s, pair, len(v.Bias), c.options(1))
				if err != nil {
					t.Fatal(err)
				}
				if mask.Width != v.Width || mask.Height != v.Height {
					t.Fatalf("the mask is %d×%d", mask.Width, mask.Height)
				}
				for i, k := range mask.Labels {
					if k != c.Mask[i]-'0' && !slices.Contains(c.Unsure, i) {
						t.Errorf("column %d, row %d: class %d, want %c", i%v.Width, i/v.Width, k, c.Mask[i])
					}
				}
				if probabilities != nil {
					for i, place := range c.Places {
						for k, want := range c.Probabilities[i] {
							if got := probabilities[k][place]; math.Abs(float64(got-want)) > 2e-5 {
								t.Errorf("class %d at column %d, row %d: %v, want %v", k, place%v.Width, place/v.Width, got, want)
							}
						}
					}
				}
				again, _, err := evaluate.Predict(context.Background(), s, pair, len(v.Bias), c.options(3))
				if err != nil || !bytes.Equal(again.Labels, mask.Labels) {
					t.Errorf("on three threads the mask is another one (%v)", err)
				}
			})
		}
	}
}

// TestViewOptions holds what is refused, and that the reason is said.
func TestViewOptions(t *testing.T) {
	v, pair := readViews(t)
	labels := form{stride: 1, last: "ArgMax", labels: tensor.Int64}
	fixed := form{stride: 1, height: 16, width: 16}
	for _, test := range []struct {
		form form
		o    evaluate.Options
		want string
	}{
		{labels, evaluate.Options{Flip: true}, "the model gives labels (labels int64[1,h,w]), of which no mean can be taken"},
		{labels, evaluate.Options{Scales: []float64{0.5, 1}}, "no mean can be taken"},
		{fixed, evaluate.Options{Window: evaluate.Size{Height: 16, Width: 17}}, "windows of width 17, but the model's width is fixed at 16"},
		{fixed, evaluate.Options{Shrink: true, Flip: true}, "no scales, flips or windows"},
		{form{stride: 1}, evaluate.Options{Scales: []float64{0}}, "scale 0, want 0.1 to 8"},
		{form{stride: 1}, evaluate.Options{Scales: []float64{math.NaN()}}, "scale NaN"},
		{form{stride: 1}, evaluate.Options{Overlap: 1}, "overlap by 1 of their size, want 0 to 0.95"},
		{form{stride: 1}, evaluate.Options{Window: evaluate.Size{Height: 5}}, "a window of 0×5"},
		{form{stride: 1}, evaluate.Options{BoundaryTolerance: -1}, "boundaries off by -1"},
	} {
		_, _, err := evaluate.Predict(context.Background(), open(t, v.model(test.form)), pair, len(v.Bias), test.o)
		if !errors.Is(err, evaluate.ErrOptions) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v, %+v: %v, want %q", test.form, test.o, err, test.want)
		}
	}
	if _, _, err := evaluate.Predict(context.Background(), open(t, v.model(fixed)), pair, 7, evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "the model has 4 classes, the data set 7") {
		t.Errorf("classes: %v", err)
	}
}

// TestShrink sees a large picture once, as run does.
func TestShrink(t *testing.T) {
	v, pair := readViews(t)
	mask, _, err := evaluate.Predict(context.Background(), open(t, v.model(form{stride: 1, height: 16, width: 16})), pair, len(v.Bias), evaluate.Options{Shrink: true})
	if err != nil || mask.Width != v.Width || mask.Height != v.Height {
		t.Fatalf("%+v, %v", mask, err)
	}
	whole := v.Cases[0].Mask
	same := 0
	for i, k := range mask.Labels {
		if k == whole[i]-'0' {
			same++
		}
	}
	if same < len(whole)/2 || same == len(whole) {
		t.Errorf("%d of %d pixels as at full size", same, len(whole))
	}
}
