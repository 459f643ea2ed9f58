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

func open(t testing.TB, m *onnx.Model) runtime.Session { return openIn(t, runtime.Embedded, m) }

func openIn(t testing.TB, e runtime.Engine, m *onnx.Model) runtime.Session {
	t.Helper()
	s, err := e.LoadModel(m, runtime.Options{Threads: 1})
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
func TestViews(t *testing.T) { testViews(t, runtime.Embedded) }

func testViews(t *testing.T, e runtime.Engine) {
	v, pair := readViews(t)
	for _, c := range v.Cases {
		for _, f := range c.forms() {
			t.Run(fmt.Sprintf("%s %+v", c.Name, f), func(t *testing.T) {
				s := openIn(t, e, v.model(f))
				p, err := evaluate.Predict(context.Background(), s, pair, len(v.Bias), c.options(1))
				if err != nil {
					t.Fatal(err)
				}
				if p.Mask.Width != v.Width || p.Mask.Height != v.Height {
					t.Fatalf("the mask is %d×%d", p.Mask.Width, p.Mask.Height)
				}
				for i, k := range p.Mask.Labels {
					if k != c.Mask[i]-'0' && !slices.Contains(c.Unsure, i) {
						t.Errorf("column %d, row %d: class %d, want %c", i%v.Width, i/v.Width, k, c.Mask[i])
					}
				}
				if (p.Probabilities == nil) != c.Labels {
					t.Error("labels and probabilities are mixed up")
				}
				for i, place := range c.Places {
					for k, values := range p.Probabilities {
						if got, want := values[place], c.Probabilities[i][k]; math.Abs(float64(got-want)) > 2e-5 {
							t.Errorf("class %d at column %d, row %d: %v, want %v", k, place%v.Width, place/v.Width, got, want)
						}
					}
				}
				again, err := evaluate.Predict(context.Background(), s, pair, len(v.Bias), c.options(3))
				if err != nil || !bytes.Equal(again.Mask.Labels, p.Mask.Labels) {
					t.Errorf("on three threads the mask is another one (%v)", err)
				}
			})
		}
	}
}

// TestMemory holds that windows bound what is in memory, whatever the height, and that what would not fit is refused.
func TestMemory(t *testing.T) {
	v, _ := readViews(t)
	s := open(t, v.model(form{stride: 1}))
	tall := &dataset.Pair{Height: 400, Width: 9, RGB: make([]uint8, 3*400*9)}
	window := evaluate.Options{Window: evaluate.Size{Height: 20, Width: 20}, Overlap: 0.5, Scales: []float64{0.5, 1}, Flip: true}
	p, err := evaluate.Predict(context.Background(), s, tall, len(v.Bias), window)
	if err != nil {
		t.Fatal(err)
	}
	// At scale 0.5 a window has 40 rows of the picture; the next one begins 20 rows further on.
	if p.Rows < 40 || p.Rows > 62 {
		t.Errorf("%d rows were in memory at a time", p.Rows)
	}
	if err := evaluate.CheckMemory(s, 150, 6000, 8000, evaluate.Options{Flip: true}); err == nil || !strings.Contains(err.Error(), "150 classes over 8000×6000 pixels takes 26.8 GiB, want at most 4") || !strings.Contains(err.Error(), "--window") {
		t.Errorf("%v", err)
	}
	window.Window = evaluate.Size{Height: 257, Width: 257}
	if err := evaluate.CheckMemory(s, 150, 6000, 8000, window); err != nil {
		t.Error(err)
	}
}

// FuzzWindows holds of any windows that they lie in the view and that every pixel of the picture is decided: by one, if
// they exclude each other.
func FuzzWindows(f *testing.F) {
	f.Add(uint16(23), 1.25, uint16(9), 0.0, false)
	f.Add(uint16(1), 0.1, uint16(0), 0.5, true)
	f.Add(uint16(2), 8.0, uint16(1), 0.95, true)
	f.Add(uint16(480), 0.75, uint16(257), 0.25, false)
	f.Add(uint16(100), 1.0, uint16(99), 0.3, true)
	f.Fuzz(func(t *testing.T, picture uint16, scale float64, size uint16, overlap float64, exclusive bool) {
		n := int(picture)%2000 + 1
		if !(scale >= 0.1 && scale <= 8) || !(overlap >= 0 && overlap <= 0.95) {
			t.Skip()
		}
		starts, lo, hi, view := evaluate.Windows(n, scale, int(size), overlap, exclusive)
		deciding := make([]int, n)
		for k, start := range starts {
			if start < 0 || k > 0 && start <= starts[k-1] || start > 0 && start+int(size) > view {
				t.Fatalf("windows of %d start at %v in a view of %d", size, starts, view)
			}
			for i := lo[k]; i < hi[k]; i++ {
				deciding[i]++
			}
		}
		for i, d := range deciding {
			if d == 0 || exclusive && d != 1 {
				t.Fatalf("%d windows decide pixel %d of %d", d, i, n)
			}
		}
	})
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
		_, err := evaluate.Predict(context.Background(), open(t, v.model(test.form)), pair, len(v.Bias), test.o)
		if !errors.Is(err, evaluate.ErrOptions) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v, %+v: %v, want %q", test.form, test.o, err, test.want)
		}
	}
	if _, err := evaluate.Predict(context.Background(), open(t, v.model(fixed)), pair, 7, evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "the model has 4 classes, the data set 7") {
		t.Errorf("classes: %v", err)
	}
}

// TestShrink sees a large picture once, as run does.
func TestShrink(t *testing.T) {
	v, pair := readViews(t)
	p, err := evaluate.Predict(context.Background(), open(t, v.model(form{stride: 1, height: 16, width: 16})), pair, len(v.Bias), evaluate.Options{Shrink: true})
	if err != nil {
		t.Fatal(err)
	}
	mask := p.Mask
	if mask.Width != v.Width || mask.Height != v.Height {
		t.Fatalf("the mask is %d×%d", mask.Width, mask.Height)
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
