package segmenter_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"autodeeplab/internal/segmenter"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// session declares what it takes and gives, and gives its input back.
type session struct {
	inputs, outputs []runtime.Value
	got             *tensor.Tensor
}

func (s *session) Inputs() []runtime.Value     { return s.inputs }
func (s *session) Outputs() []runtime.Value    { return s.outputs }
func (s *session) Metadata() map[string]string { return nil }
func (s *session) Close() error                { return nil }
func (s *session) Run(_ context.Context, in map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	s.got = in["x"]
	return map[string]*tensor.Tensor{"y": s.got}, nil
}

// value has a dimension for each number, -1 for a dynamic one.
func value(name string, d tensor.DType, dims ...int) runtime.Value {
	v := runtime.Value{Name: name, Info: op.Info{DType: d}}
	for _, n := range dims {
		v.Dims = append(v.Dims, op.Dim{Size: n})
	}
	return v
}

func TestOpen(t *testing.T) {
	logits := value("y", tensor.Float32, 1, 5, -1, -1)
	labels := value("y", tensor.Int32, 1, -1, -1)
	for _, test := range []struct {
		in, out        runtime.Value
		height, width  int
		classes        int
		labels         bool
		want, lastWant string
	}{
		{in: value("x", tensor.Float32, 1, 3, 33, 65), out: logits, height: 33, width: 65, classes: 5},
		{in: value("x", tensor.Float32, -1, 3, -1, -1), out: labels, labels: true},
		{in: value("x", tensor.Float32, -1, -1, -1, -1), out: logits, classes: 5},
		{in: value("x", tensor.Uint8, 1, 33, 65, 3), out: logits, height: 33, width: 65, classes: 5},
		{in: value("x", tensor.Uint8, -1, -1, -1, 3), out: logits, classes: 5},
		{in: value("x", tensor.Uint8, 1, 3, 33, 3), out: logits, height: 33, width: 3, classes: 5}, // either: NCHW
		{in: value("x", tensor.Float32, 1, 4, 33, 65), out: logits, want: "x float[1,4,33,65]", lastWant: "uint8[N,H,W,3]"},
		{in: value("x", tensor.Int64, 1, 3, 33, 65), out: logits, want: "x int64[1,3,33,65]"},
		{in: value("x", tensor.Float32, 4, 3, 33, 65), out: logits, want: "4 pictures at a time"},
		{in: value("x", tensor.Float32, 1, 3, 33, 65), out: value("y", tensor.Float32, 1, 5), want: "the model's outputs are y float[1,5]"},
	} {
		m, err := segmenter.Open(&session{inputs: []runtime.Value{test.in}, outputs: []runtime.Value{test.out}})
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.lastWant) {
				t.Errorf("%s: %v, want %q", test.in, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if m.Height != test.height || m.Width != test.width || m.Classes != test.classes || m.Labels() != test.labels {
			t.Errorf("%s → %s: %+v", test.in, test.out, m)
		}
	}
	two := []runtime.Value{value("x", tensor.Float32, 1, 3, 4, 4), value("z", tensor.Float32, 1)}
	if _, err := segmenter.Open(&session{inputs: two, outputs: []runtime.Value{logits}}); err == nil || !strings.Contains(err.Error(), "2 inputs (x float[1,3,4,4], z float[1])") {
		t.Errorf("%v", err)
	}
}

// TestRun brings a picture of planes to bytes of pixels, rounded.
func TestRun(t *testing.T) {
	s := &session{inputs: []runtime.Value{value("x", tensor.Uint8, 1, 1, 2, 3)}, outputs: []runtime.Value{value("y", tensor.Uint8, 1, 2, 3)}}
	m, err := segmenter.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Run(context.Background(), tensor.Of([]float32{1, 2, 3.4, 127.5, 254.6, 255}, 1, 3, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if got := tensor.Data[uint8](out); !slices.Equal(got, []uint8{1, 3, 255, 2, 128, 255}) || !slices.Equal(out.Shape, []int{1, 1, 2, 3}) {
		t.Errorf("%v %v", out, got)
	}
}
