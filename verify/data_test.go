package verify

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/dataset"
	"autodeeplab/dataset/synthetic"
	"autodeeplab/evaluate"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// colours is a network of one 1×1 convolution over the picture, of as many classes as there are rows of weights.
func colours(weights ...float32) *onnx.Model {
	classes := len(weights) / 3
	dims := func(c int) []*onnx.Dim {
		return []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(c), onnx.NamedDim("h"), onnx.NamedDim("w")}
	}
	return &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{Name: "colours",
		Initializer: []*onnx.TensorPB{onnx.Encode("w", tensor.Of(weights, classes, 3, 1, 1))},
		Node:        []*onnx.Node{onnx.NewNode("Conv", "conv", []string{"image", "w"}, []string{"logits"})},
		Input:       []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, dims(3))},
		Output:      []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, dims(classes))},
	}}
}

// TestData compares two networks on a synthetic set with what evaluate says of each, and counts their labels.
func TestData(t *testing.T) {
	dir := t.TempDir()
	if err := synthetic.Write(context.Background(), filepath.Join(dir, "set"), synthetic.Options{Train: 8, Val: 2, Height: 40, Width: 56, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(filepath.Join(dir, "set"), "")
	if err != nil {
		t.Fatal(err)
	}
	n := set.Classes.Len()
	good := make([]float32, 3*n)
	for i := range good {
		good[i] = float32((i*7)%11) - 5
	}
	bad := append([]float32(nil), good...)
	bad[3*2] += 4
	side := func(name string, w []float32) *Side {
		return &Side{Name: name, Model: colours(w...), Engine: runtime.Embedded}
	}
	want := make([]float64, 2)
	for i, w := range [][]float32{good, bad} {
		s, err := runtime.Embedded.LoadModel(colours(w...), runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r, err := evaluate.Run(context.Background(), s, set, set.Train, evaluate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want[i] = r.MIoU
	}
	r, err := Data(context.Background(), side("bad", bad), side("good", good), set, set.Train, evaluate.Options{}, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	if r.SubjectMIoU != want[1] || r.ReferenceMIoU != want[0] || math.Abs(r.Loss-100*(want[0]-want[1])) > 1e-9 || r.Images != len(set.Train) {
		t.Errorf("%+v, want mIoU %v", r, want)
	}
	if r.Labels.Pixels != int64(40*56*len(set.Train)) || r.Labels.Agreement >= 1 || r.Labels.Agreement <= 0 {
		t.Errorf("labels %+v", r.Labels)
	}
	if same, err := Data(context.Background(), side("good", good), side("good", good), set, set.Train, evaluate.Options{}, 0.5); err != nil || !same.Agree || same.Labels.Agreement != 1 || same.Labels.MIoU != 1 {
		t.Errorf("a network differs from itself: %+v, %v", same, err)
	}

	// A failure of one side ends both, and is what is told.
	few := proto.Clone(colours(good[:9]...)).(*onnx.Model)
	for _, sides := range [][2]*Side{{side("good", good), {Name: "few", Model: few, Engine: runtime.Embedded}}, {{Name: "few", Model: few, Engine: runtime.Embedded}, side("good", good)}} {
		if _, err := Data(context.Background(), sides[0], sides[1], set, set.Train, evaluate.Options{}, 0.5); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if err := os.WriteFile(set.Train[2].Image, []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Data(context.Background(), side("good", good), side("bad", bad), set, set.Train, evaluate.Options{}, 0.5); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a damaged picture gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Data(ctx, side("good", good), side("bad", bad), set, set.Train, evaluate.Options{}, 0.5); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled comparison gives %v", err)
	}
}
